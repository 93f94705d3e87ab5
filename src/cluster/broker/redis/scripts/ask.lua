#!lua flags=allow-oom
-- ARGV: how keys of requests begin; then worker and request.
for i = 2, #ARGV, 2 do
  local requests = ARGV[1] .. ARGV[i]
  redis.call('XADD', requests, 'MAXLEN', '~', 10000, '*', 'b', ARGV[i + 1])
  redis.call('EXPIRE', requests, 3600)
end
return 1
