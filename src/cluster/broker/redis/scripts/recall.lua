#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: how keys of requests begin; then label, position and request of each task.
-- Returns 0: it is gone, 1: it was removed, 2: its worker was told.
local answers = {}
for i = 2, #ARGV, 3 do
  local queue, position, answer = KEYS[1], ARGV[i + 1], 0
  if ARGV[i] ~= '' then
    queue = queue .. ':' .. ARGV[i]
  end
  local pending = redis.pcall('XPENDING', queue, 'g', position, position, 1)
  if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then
    return pending
  end
  if pending[1] then
    local requests = ARGV[1] .. pending[1][2]
    redis.call('XADD', requests, 'MAXLEN', '~', 10000, '*', 'b', ARGV[i + 2])
    redis.call('EXPIRE', requests, 3600)
    answer = 2
  else
    answer = redis.call('XDEL', queue, position)
  end
  answers[#answers + 1] = answer
end
return answers
