"""The Lua scripts: what must happen at once or not at all.

Each reads before it writes and makes its first write with `call`, so that a server that cannot take writes
(memory, disk, replica) refuses the script as a whole instead of half of it.
"""

from __future__ import annotations

from typing import Final

from workers.store.client import Script

# A switch that cannot be read halts: nobody knows what it meant to say.
_HALTED: Final = """
local function halted()
  for i = 1, 2 do
    local value = redis.pcall('GET', KEYS[i])
    if value == 'true' or (type(value) == 'table' and value.err) then return true end
  end
  return false
end
"""

TAKE_LISTS: Final = Script(
    _HALTED
    + """
-- KEYS halt, permanent halt, taken, counter, then list and positions set of each symbol. ARGV cap, limit.
-- Gives {errors, {entry, list, payload, ...}}. One signal of each list in turn, so that none starves another.
local errors, taken, waiting = {}, {}, {}
if halted() then return {errors, taken} end
for i = 5, #KEYS, 2 do
  local length, held = redis.pcall('LLEN', KEYS[i]), redis.pcall('SCARD', KEYS[i + 1])
  if type(length) == 'table' then errors[#errors + 1] = KEYS[i] .. ': ' .. length.err
  elseif type(held) == 'table' then errors[#errors + 1] = KEYS[i + 1] .. ': ' .. held.err
  elseif length > 0 and held < tonumber(ARGV[1]) then waiting[#waiting + 1] = KEYS[i] end
end
if #waiting == 0 then return {errors, taken} end
local limit, count = tonumber(ARGV[2]), 0
redis.call('HLEN', KEYS[3])
local number = redis.call('INCRBY', KEYS[4], limit) - limit
while count < limit do
  local left = {}
  for _, list in ipairs(waiting) do
    local payload = count < limit and redis.call('RPOP', list)
    if payload then
      count = count + 1
      local entry = string.format('%d-%s', number + count, redis.sha1hex(payload))
      redis.call('HSET', KEYS[3], entry, list .. '\\n' .. payload)
      taken[#taken + 1], taken[#taken + 2], taken[#taken + 3] = entry, list, payload
      left[#left + 1] = list
    end
  end
  if #left == 0 then break end
  waiting = left
end
return {errors, taken}
"""
)

TAKE_STREAM: Final = Script(
    _HALTED
    + """
-- KEYS halt, permanent halt, stream. ARGV group, consumer, limit. Gives the entries, or nothing.
if halted() then return {} end
local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[3], '>')
return reply and reply[1][2] or {}
"""
)

APPLY: Final = Script(
    """
-- KEYS offsets, errors. ARGV publisher, offset (epoch-seq-part) and the one before it (or none, or any), event (for
-- the error log), cap of that log, and the writes as msgpack: an array of arrays of words. Gives {0} when the event was
-- applied before, {-1} when the one before it was not: this server has lost it. Else {1, error, ...}.
-- Each write stands alone: a key of a wrong type costs that write, never the others or the next event.
local function parts(text)
  local epoch, seq, part = string.match(text, '^(%d+)-(%d+)-(%d+)$')
  return tonumber(epoch), tonumber(seq), tonumber(part)
end
local offset, before = string.match(ARGV[2], '^(%S+) (%S+)$')
local epoch, seq, part = parts(offset)
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  local e, s, p = parts(known)
  if epoch < e or (epoch == e and (seq < s or (seq == s and part <= p))) then return {0} end
end
if before ~= 'any' and before ~= (known or 'none') then return {-1} end
redis.call('HSET', KEYS[1], ARGV[1], offset)
local done = {1}
for _, write in ipairs(cmsgpack.unpack(ARGV[5])) do
  local reply = redis.pcall(unpack(write))
  if type(reply) == 'table' and reply.err then
    local problem = write[1] .. ' ' .. (write[2] or '') .. ': ' .. reply.err
    done[#done + 1] = problem
    redis.pcall('LPUSH', KEYS[2], ARGV[3] .. ' ' .. problem)
    redis.pcall('LTRIM', KEYS[2], 0, tonumber(ARGV[4]) - 1)
  end
end
return done
"""
)
