-- For wrk: PUTs of results, each with an id of its own, a learner out of
-- 10000, and the next token of TOKENS; examples/requests/put-result.json is
-- the rest of the body.
--
-- After SECONDS each connection sends the first byte of a request and no
-- more.  No server answers that, so wrk ends with nothing under way, and the
-- rows there are can be compared with what it counted.  PACE, in
-- milliseconds, is what a connection waits on average before each request.

local ffi = require("ffi")

ffi.cdef [[
    typedef struct { long seconds, nanoseconds; } results_time_t;
    int clock_gettime(int clock, results_time_t *time);
]]

local time = ffi.new("results_time_t")
local threads = {}

local function now()
    ffi.C.clock_gettime(1, time)
    return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

local function read(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
end


function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

function init()
    local body = read(os.getenv("BODY"))
    local before, after = body:match('^(.-"student".-)%x%x%x%x%x%x"(.*)$')

    heads = {}

    for token in read(os.getenv("TOKENS")):gmatch("%S+") do
        table.insert(heads, " HTTP/1.1\r\nHost: " .. wrk.host .. ":"
            .. wrk.port .. "\r\nAuthorization: Bearer " .. token
            .. "\r\nContent-Type: application/json\r\nContent-Length: "
            .. #body .. "\r\n\r\n" .. before)
    end

    prefix = "PUT /ims/oneroster/gradebook/v1p2/results/"
        .. os.getenv("PREFIX") .. "-" .. number .. "-"
    tail = '"' .. after
    seconds = tonumber(os.getenv("SECONDS"))
    pace = tonumber(os.getenv("PACE") or 0)
    sent = 0

    -- the first thread is asked once before wrk begins
    asked = number ~= 0
    math.randomseed(number)
end

function request()
    if not until_time then
        if not asked then
            asked = true
            return "GET / HTTP/1.0\r\n\r\n"
        end
        until_time = now() + seconds
    end

    if now() > until_time then
        return "P"
    end

    sent = sent + 1
    return prefix .. sent .. heads[sent % #heads + 1]
        .. 100000 + sent % 10000 .. tail
end

if os.getenv("PACE") then
    function delay()
        return -pace * math.log(1 - math.random())
    end
end

function done(summary, latency)
    local errors = summary.errors
    local sent = 0

    for _, thread in ipairs(threads) do
        sent = sent + thread:get("sent")
    end

    io.write(string.format('{"sent": %d, "answered": %d, "not_2xx": %d, '
        .. '"failed": %d, "p50": %f, "p99": %f, "max": %f}\n',
        sent, summary.requests, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        latency.max / 1000))
end
