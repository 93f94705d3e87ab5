#!lua flags=allow-oom
-- ARGV: how keys of clients begin, how keys of results begin; then client and notice.
for i = 3, #ARGV, 2 do
  if redis.call('EXISTS', ARGV[1] .. ARGV[i]) == 1 then
    local results = ARGV[2] .. ARGV[i]
    redis.call('XADD', results, '*', 'b', ARGV[i + 1])
    redis.call('EXPIRE', results, 3600)
  end
end
return 1
