#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: labels. Makes the groups that are not there; what is queued already is for them.
for i = 1, #ARGV do
  local queue = KEYS[1]
  if ARGV[i] ~= '' then
    queue = queue .. ':' .. ARGV[i]
  end
  local made = redis.pcall('XGROUP', 'CREATE', queue, 'g', 0, 'MKSTREAM')
  if not made.err then
    redis.call('EXPIRE', queue, 604800)
  elseif not string.find(made.err, 'BUSYGROUP', 1, true) then
    return made
  end
end
return 1
