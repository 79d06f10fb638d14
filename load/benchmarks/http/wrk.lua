-- Sends the requests of a file in turn, and prints the figures as JSON: wrk … URL -- FILE STATUS…
-- A line of the file is a request whose line breaks are tabs. A status that is not listed is a failure.
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    requests, expected, sent, wrong = {}, {}, 0, 0
    for line in io.lines(arguments[1]) do
        table.insert(requests, (line:gsub("\t", "\r\n")))
    end
    for index = 2, #arguments do
        expected[tonumber(arguments[index])] = true
    end
end

function request()
    sent = sent + 1
    return requests[(sent - 1) % #requests + 1]
end

function response(status)
    if not expected[status] then
        wrong = wrong + 1
    end
end

function done(summary, latency)
    local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
    for _, thread in ipairs(threads) do
        errors = errors + thread:get("wrong")
    end
    print(string.format('{"requests": %d, "seconds": %f, "failures": %d, "p50_ms": %f, "p99_ms": %f}',
        summary.requests, summary.duration / 1e6, errors,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
