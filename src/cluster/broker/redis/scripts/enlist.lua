#!lua
-- KEYS: the client. A client that asks again keeps what it has.
redis.call('HSETNX', KEYS[1], 'last', 0)
redis.call('EXPIRE', KEYS[1], 60)
return 1
