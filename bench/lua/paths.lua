-- Requests the paths of a file in random order; wrk -s bench/lua/paths.lua URL -- FILE TOKEN
local paths, headers = {}, {}

function init(arguments)
  for line in io.lines(arguments[1]) do paths[#paths + 1] = line end
  headers["Authorization"] = "Bearer " .. arguments[2]
  headers["Accept"] = "application/fhir+json"
  math.randomseed(7)
end

function request()
  return wrk.format("GET", paths[math.random(#paths)], headers)
end

function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), latency:percentile(99),
    summary.errors.status + summary.errors.read + summary.errors.timeout))
end
