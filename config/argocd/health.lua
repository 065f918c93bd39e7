-- Health of Wukong's kinds for Argo CD: one script for all of them. See README.md.
local hs = {}
local status = obj.status or {}
local ready = nil
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    ready = condition
  end
end

if ready == nil then
  hs.status = "Progressing"
  hs.message = "its controller has not looked at it yet"
  return hs
end

hs.message = ready.message
if ready.message == nil or ready.message == "" then
  hs.message = ready.reason
end

-- What stops or waits because someone wants it so.
local suspended = { Paused = true, GuestShutDown = true, Cancelled = true, Appointed = true }

-- What waits for objects of a later sync wave: they would never come if this were not healthy.
local awaiting = { NoChildren = true, AwaitingConsumer = true, Expired = true }

if ready.observedGeneration ~= nil and ready.observedGeneration ~= obj.metadata.generation then
  hs.status = "Progressing"
  hs.message = "its controller has not looked at the new spec yet"
elseif obj.metadata.deletionTimestamp ~= nil then
  hs.status = "Progressing"
elseif ready.status == "True" then
  hs.status = "Healthy"
elseif status.phase == "Error" or status.phase == "Failed" then
  hs.status = "Degraded"
elseif awaiting[ready.reason] then
  hs.status = "Healthy"
elseif suspended[ready.reason] then
  hs.status = "Suspended"
else
  hs.status = "Progressing"
end
return hs
