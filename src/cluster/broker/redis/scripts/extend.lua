#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: worker; then label and position of each task. Returns for each whether the worker still has it.
local held = {}
for i = 2, #ARGV, 2 do
  local queue, position = KEYS[1], ARGV[i + 1]
  if ARGV[i] ~= '' then
    queue = queue .. ':' .. ARGV[i]
  end
  local pending = redis.pcall('XPENDING', queue, 'g', position, position, 1, ARGV[1])
  if pending.err and not string.find(pending.err, 'NOGROUP', 1, true) then
    return pending
  end
  -- This sets back how long it is idle, and is no delivery.
  held[#held + 1] = pending[1] and #redis.call('XCLAIM', queue, 'g', ARGV[1], 0, position, 'JUSTID') or 0
end
return held
