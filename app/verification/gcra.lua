-- The generic cell rate algorithm (ITU-T I.371) for a batch of requests, each counted in one or several cells.
--
-- A cell stores one time: when everything admitted so far would be used up at the steady rate. `backlog` is the distance
-- of that time from now. Times are microseconds since an epoch in late 2023, by the clock of this server. The late epoch
-- keeps the numbers small enough for Lua's doubles, and the server's clock is the same for every process.
--
-- KEYS: the cells. ARGV: for each cell its interval (microseconds) and its burst; then one text with, for each request in
-- the order of arrival, the numbers of the cells that count it and a semicolon, such as "1,3;1;;". A request is admitted
-- by all of its cells or counted by none.
-- Returns for each request 0, or the index of the cell that refused it (1: its first cell); then the backlog of each cell.
local time = redis.call('TIME')
local now = (time[1] - 1700000000) * 1000000 + time[2]
local stored = redis.call('MGET', unpack(KEYS))
local interval, tolerance, backlog, moved = {}, {}, {}, {}
for cell = 1, #KEYS do
    interval[cell] = tonumber(ARGV[2 * cell - 1])
    tolerance[cell] = interval[cell] * ARGV[2 * cell]
    local ahead = stored[cell] and stored[cell] - now or 0
    -- The limit was lowered or the clock was set back: reduce the backlog to the maximum of this limit, and store it.
    backlog[cell] = math.max(0, math.min(ahead, tolerance[cell]))
    moved[cell] = ahead > tolerance[cell]
end

local function refusing(cells)
    for position, cell in ipairs(cells) do
        -- Tolerate a thousandth of a request for rounding.
        if backlog[cell] + 0.999 * interval[cell] > tolerance[cell] then
            return position
        end
    end
    return 0
end

local result = {}
for request in string.gmatch(ARGV[#ARGV], '([^;]*);') do
    local cells = {}
    for cell in string.gmatch(request, '%d+') do
        cells[#cells + 1] = tonumber(cell)
    end
    local refused = refusing(cells)
    if refused == 0 then
        for _, cell in ipairs(cells) do
            backlog[cell] = backlog[cell] + interval[cell]
            moved[cell] = true
        end
    end
    result[#result + 1] = refused
end

for cell = 1, #KEYS do
    if moved[cell] then
        -- After that time the cell equals a new one, so it expires.
        local lifetime = math.ceil(backlog[cell] / 1000)
        redis.call('SET', KEYS[cell], string.format('%.3f', now + backlog[cell]), 'PX', string.format('%d', lifetime))
    end
    result[#result + 1] = math.ceil(backlog[cell])
end
return result
