-- What wrk sends: `-- get <key> <file of ids>` or `-- post <key>`; and one line of JSON about how it went.

local requests = {}

function init(args)
    local case, key, file = args[1], args[2], args[3]
    wrk.headers["Authorization"] = "Bearer " .. key
    if case == "post" then
        wrk.headers["Content-Type"] = "application/json"
        local body = '{"command": "resize", "payload": {"url": "https://example.com/a.png", "width": 200}, "priority": "high"}'
        requests[1] = wrk.format("POST", "/v1/tasks", nil, body)
    else
        for id in io.lines(file) do
            requests[#requests + 1] = wrk.format("GET", "/v1/tasks/" .. id)
        end
    end
end

local turn = 0

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "bad": %d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout
    ))
end
