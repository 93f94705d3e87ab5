#!lua flags=allow-oom
-- KEYS: the queue without a label. ARGV: worker; then label and position of each entry. They become such that nobody has renewed a
-- hold on for a day, and that were never delivered: who reclaims next has them.
for i = 2, #ARGV, 2 do
  local queue = KEYS[1]
  if ARGV[i] ~= '' then
    queue = queue .. ':' .. ARGV[i]
  end
  redis.call('XCLAIM', queue, 'g', ARGV[1], 0, ARGV[i + 1], 'IDLE', 86400000, 'RETRYCOUNT', 0, 'JUSTID')
end
return 1
