#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: worker, how many; then labels. Returns for each label its entries; false if there is no
-- group for one of them and nothing was delivered.
local left, found, any = tonumber(ARGV[2]), {}, false
for i = 3, #ARGV do
  local queue = KEYS[1]
  if ARGV[i] ~= '' then
    queue = queue .. ':' .. ARGV[i]
  end
  found[i - 2] = {}
  if left > 0 then
    local read = redis.pcall('XREADGROUP', 'GROUP', 'g', ARGV[1], 'COUNT', left, 'STREAMS', queue, '>')
    if read and read.err then
      if not string.find(read.err, 'NOGROUP', 1, true) then
        return read
      end
      if not any then
        return false
      end
    elseif read then
      found[i - 2] = read[1][2]
      left = left - #read[1][2]
      any = true
    end
  end
end
return found
