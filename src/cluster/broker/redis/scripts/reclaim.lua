#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: worker, idle milliseconds, how many; then labels. Returns for each label its entries, each
-- with how often it was delivered.
local left, found = tonumber(ARGV[3]), {}
for i = 4, #ARGV do
  local queue, entries, cursor = KEYS[1], {}, '0-0'
  if ARGV[i] ~= '' then
    queue = queue .. ':' .. ARGV[i]
  end
  -- One call looks at ten times as many entries as it is to find, and there are many that others still hold.
  while left > 0 do
    local claimed = redis.pcall('XAUTOCLAIM', queue, 'g', ARGV[1], ARGV[2], cursor, 'COUNT', left)
    if claimed.err then
      if not string.find(claimed.err, 'NOGROUP', 1, true) then
        return claimed
      end
      break
    end
    for _, entry in ipairs(claimed[2]) do
      local pending = redis.call('XPENDING', queue, 'g', entry[1], entry[1], 1)
      entry[3] = pending[1] and pending[1][4] or 1
      entries[#entries + 1] = entry
    end
    left = left - #claimed[2]
    cursor = claimed[1]
    if cursor == '0-0' then
      break
    end
  end
  found[i - 3] = entries
end
return found
