#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: worker; then labels. A consumer that still has something in hand stays: with it its tasks would be
-- forgotten, and nobody could take them over.
for i = 2, #ARGV do
  local queue = KEYS[1]
  if ARGV[i] ~= '' then
    queue = queue .. ':' .. ARGV[i]
  end
  local pending = redis.pcall('XPENDING', queue, 'g', '-', '+', 1, ARGV[1])
  if pending.err then
    if not string.find(pending.err, 'NOGROUP', 1, true) then
      return pending
    end
  elseif not pending[1] then
    redis.call('XGROUP', 'DELCONSUMER', queue, 'g', ARGV[1])
  end
end
return 1
