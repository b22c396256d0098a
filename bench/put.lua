-- For wrk: PUTs of results, with an id for each.  The body is the file BODY;
-- where it names a student, that is one of 10000.
--
--   SECONDS  how long.  Then each connection sends the first byte of a
--            request and no more.  No server answers that, so wrk ends with
--            nothing under way, and the rows there are can be compared with
--            what it counted.
--   IDS      random; in order without
--   TOKEN    the access token; or
--   TOKENS   a number: that many take turns, bench-0, bench-1 and so on
--   PACE     milliseconds that a connection waits before each request, on
--            average, without a pattern

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


function setup(thread)
    thread:set("number", #threads)
    table.insert(threads, thread)
end

function init()
    local file = assert(io.open(os.getenv("BODY")))
    local body = file:read("*a")
    file:close()

    before, after = body:match('^(.-"student".-)%x%x%x%x%x%x("}?.*)$')
    before = before or body

    prefix = "PUT /ims/oneroster/gradebook/v1p2/results/"
        .. os.getenv("PREFIX") .. "-" .. number .. "-"
    head = " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port
        .. "\r\nContent-Type: application/json\r\nContent-Length: "
        .. #body .. "\r\nAuthorization: Bearer "
    before = "\r\n\r\n" .. before

    token = os.getenv("TOKEN")
    tokens = tonumber(os.getenv("TOKENS"))
    random = os.getenv("IDS") == "random"
    seconds = tonumber(os.getenv("SECONDS"))
    pace = tonumber(os.getenv("PACE") or 0)
    sent = 0

    -- the first thread is asked once before wrk begins
    asked = number ~= 0
    math.randomseed(number + now() % 1000 * 1000)
end

function request()
    local id, bearer

    if not stop then
        if not asked then
            asked = true
            return "GET / HTTP/1.0\r\n\r\n"
        end
        stop = now() + seconds
    end

    if now() > stop then
        return "P"
    end

    id = sent
    if random then
        id = string.format("%08x%08x", math.random(0, 2 ^ 31),
                           math.random(0, 2 ^ 31))
    end

    bearer = token
    if tokens then
        bearer = "bench-" .. (2 * sent + number) % tokens
    end

    sent = sent + 1

    if not after then
        return prefix .. id .. head .. bearer .. before
    end

    return prefix .. id .. head .. bearer .. before
        .. 100000 + sent % 10000 .. after
end

if os.getenv("PACE") then
    function delay()
        return -pace * math.log(1 - math.random())
    end
end

function done(summary, latency)
    local errors = summary.errors
    local total = 0

    for _, thread in ipairs(threads) do
        total = total + thread:get("sent")
    end

    io.write(string.format('{"sent": %d, "answered": %d, "not_2xx": %d, '
        .. '"failed": %d, "p50": %f, "p99": %f, "max": %f}\n',
        total, summary.requests, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        latency.max / 1000))
end
