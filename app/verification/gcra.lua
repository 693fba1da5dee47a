-- The generic cell rate algorithm (ITU-T I.371) for a batch of presentations, each counted in one or several cells.
--
-- A cell remembers one instant: until when everything that was let through would last if it had come evenly. What is
-- stored is that instant; `backlog` is how far it lies ahead of now. Microseconds, counted from an instant of late 2023
-- by the clock of this server: the numbers stay small enough for Lua's doubles, and every process has the same clock.
--
-- KEYS: the cells. ARGV: for each cell its interval (microseconds) and its burst; then one text that has for each
-- presentation, in the order of arrival, the numbers of the cells that count it and a semicolon, such as "1,3;1;;". It is
-- let through by all of them or counted by none.
-- Gives for each presentation 0, or which of its cells refused it (1: the first); then the backlog of each cell.
local time = redis.call('TIME')
local now = (time[1] - 1700000000) * 1000000 + time[2]
local stored = redis.call('MGET', unpack(KEYS))
local interval, tolerance, backlog, moved = {}, {}, {}, {}
for cell = 1, #KEYS do
    interval[cell] = tonumber(ARGV[2 * cell - 1])
    tolerance[cell] = interval[cell] * ARGV[2 * cell]
    local ahead = stored[cell] and stored[cell] - now or 0
    -- No further ahead than this limit ever lets it be, and it stays so: the limit was lowered, or the clock went back.
    backlog[cell] = math.max(0, math.min(ahead, tolerance[cell]))
    moved[cell] = ahead > tolerance[cell]
end

local function refusing(cells)
    for position, cell in ipairs(cells) do
        -- A thousandth of a presentation is forgiven, for the rounding.
        if backlog[cell] + 0.999 * interval[cell] > tolerance[cell] then
            return position
        end
    end
    return 0
end

local answer = {}
for presentation in string.gmatch(ARGV[#ARGV], '([^;]*);') do
    local cells = {}
    for cell in string.gmatch(presentation, '%d+') do
        cells[#cells + 1] = tonumber(cell)
    end
    local refused = refusing(cells)
    if refused == 0 then
        for _, cell in ipairs(cells) do
            backlog[cell] = backlog[cell] + interval[cell]
            moved[cell] = true
        end
    end
    answer[#answer + 1] = refused
end

for cell = 1, #KEYS do
    if moved[cell] then
        -- Once the instant has passed the cell is as good as new, and goes.
        local lifetime = math.ceil(backlog[cell] / 1000)
        redis.call('SET', KEYS[cell], string.format('%.3f', now + backlog[cell]), 'PX', string.format('%d', lifetime))
    end
    answer[#answer + 1] = math.ceil(backlog[cell])
end
return answer
