#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: worker, how keys of clients begin, how keys of results begin; then label, position, client, body
-- and notice of each task. What belongs to nobody any more goes.
for i = 4, #ARGV, 5 do
  local queue, position, client = KEYS[1], ARGV[i + 1], ARGV[i + 2]
  if ARGV[i] ~= '' then
    queue = queue .. ':' .. ARGV[i]
  end
  local pending = redis.pcall('XPENDING', queue, 'g', position, position, 1, ARGV[1])
  if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then
    return pending
  end
  if pending[1] then
    redis.call('XACK', queue, 'g', position)
    redis.call('XDEL', queue, position)
    if redis.call('EXISTS', ARGV[2] .. client) == 1 then
      local moved = redis.call('XADD', queue, '*', 'b', ARGV[i + 3])
      redis.call('XADD', ARGV[3] .. client, '*', 'b', ARGV[i + 4], 'm', moved)
      redis.call('EXPIRE', ARGV[3] .. client, 3600)
    end
  end
end
return 1
