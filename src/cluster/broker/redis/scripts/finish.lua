#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: worker, how keys of clients begin, how keys of results begin; then label, position, client, 1 if
-- there is a result, and result of each task. Returns for each whether the worker still had it and the client is there.
-- What belongs to nobody any more goes as well: it would be delivered for ever.
local there, told, done = {}, {}, {}
for i = 4, #ARGV, 5 do
  local queue, position, client, answer = KEYS[1], ARGV[i + 1], ARGV[i + 2], 0
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
    if there[client] == nil then
      there[client] = redis.call('EXISTS', ARGV[2] .. client)
    end
    answer = there[client]
    if answer == 1 and ARGV[i + 3] == '1' then
      redis.call('XADD', ARGV[3] .. client, '*', 'b', ARGV[i + 4])
      told[client] = true
    end
  end
  done[#done + 1] = answer
end
for client in pairs(told) do
  redis.call('EXPIRE', ARGV[3] .. client, 3600)
end
return done
