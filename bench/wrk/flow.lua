-- Tasks on their way through the queue: `-- <case> <key> <tasks per request>`; and one line of JSON about how it went.
--
-- The cases: `post` puts tasks in one by one, `batch` so many at once; `drain` claims and settles what is there, so many
-- at once; `flow` does all three: a connection settles what has been claimed, else claims what has been put in, else
-- puts more in, so that each task goes all the way.

local TASK = '{"command": "resize", "payload": {"url": "https://example.com/a.png", "width": 200}, "priority": "high"}'
local case, size, put, claim
local waiting, tokens = 0, {}  -- tasks that are put in and not asked for yet; batches of tokens to settle
local threads = {}
stored, settled, empty, stale = 0, 0, 0, 0

function setup(thread)
    threads[#threads + 1] = thread
end

local function post(path, body)
    return wrk.format("POST", path, nil, body)
end

function init(args)
    case, size = args[1], tonumber(args[3])
    wrk.headers["Authorization"] = "Bearer " .. args[2]
    wrk.headers["Content-Type"] = "application/json"
    if size == 1 then
        put = post("/v1/tasks", TASK)
    else
        put = post("/v1/tasks/batch", '{"tasks": [' .. string.rep(TASK, size, ", ") .. "]}")
    end
    claim = post("/v1/leases", string.format('{"queues": ["resize"], "limit": %d, "worker": "wrk"}', size))
end

local function settle(batch)
    local leases = {}
    for index, token in ipairs(batch) do
        leases[index] = '{"token": "' .. token .. '", "outcome": "succeeded", "result": {"width": 200}}'
    end
    return post("/v1/leases/settle", '{"leases": [' .. table.concat(leases, ", ") .. "]}")
end

function request()
    if case == "post" or case == "batch" then
        return put
    elseif #tokens > 0 then
        return settle(table.remove(tokens))
    elseif case == "drain" then
        return claim
    elseif waiting >= size then
        waiting = waiting - size
        return claim
    end
    return put
end

-- What was asked is told by what is answered: wrk does not say which request an answer belongs to.
function response(status, _, body)
    if status == 204 then
        empty = empty + 1
    elseif body:sub(1, 19) == '{"leases":[{"task":' then
        local batch = {}
        for token in body:gmatch('"token":"([^"]+)"') do
            batch[#batch + 1] = token
        end
        tokens[#tokens + 1] = batch
        waiting = waiting + size - #batch
    elseif body:sub(1, 10) == '{"leases":' then
        local _, ok = body:gsub('"status":"ok"', "")
        local _, all = body:gsub('"token":"', "")
        settled = settled + ok
        stale = stale + all - ok
    elseif status == 201 or status == 200 then
        stored = stored + size
        waiting = waiting + size
    end
end

function done(summary, latency, _)
    local errors, found = summary.errors, { stored = 0, settled = 0, empty = 0, stale = 0 }
    for _, thread in ipairs(threads) do
        for name, so_far in pairs(found) do
            found[name] = so_far + thread:get(name)
        end
    end
    io.write(string.format(
        '{"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "bad": %d,'
            .. ' "stored": %d, "settled": %d, "empty": %d, "stale": %d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        found.stored, found.settled, found.empty, found.stale
    ))
end
