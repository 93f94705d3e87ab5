#!lua
-- KEYS: the client, the queue. ARGV: how long the queue may get; then number and body of each task.
-- Without `allow-oom` the server refuses the whole script when its memory is full, and never in the middle of it.
local last = redis.call('HGET', KEYS[1], 'last')
if not last then
  return false
end
last = tonumber(last)
local room = tonumber(ARGV[1]) - redis.call('XLEN', KEYS[2])
local places, newest = {}, nil
for i = 2, #ARGV, 2 do
  if tonumber(ARGV[i]) <= last then
    places[#places + 1] = ''
  elseif room > 0 then
    places[#places + 1] = redis.call('XADD', KEYS[2], '*', 'b', ARGV[i + 1])
    newest = ARGV[i]
    room = room - 1
  else
    break
  end
end
if newest then
  redis.call('HSET', KEYS[1], 'last', newest)
  redis.call('EXPIRE', KEYS[2], 604800)
end
return places
