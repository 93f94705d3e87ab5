#!lua flags=allow-oom
-- KEYS: the workers. Returns name, milliseconds of silence, and record of each; those that are silent for long are removed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all, found = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  local colon = string.find(all[i + 1], ':', 1, true) or 0
  local silent = now - (tonumber(string.sub(all[i + 1], 1, colon - 1)) or 0)
  if silent > 60000 then
    redis.call('HDEL', KEYS[1], all[i])
  else
    found[#found + 1] = { all[i], math.max(silent, 0), string.sub(all[i + 1], colon + 1) }
  end
end
return found
