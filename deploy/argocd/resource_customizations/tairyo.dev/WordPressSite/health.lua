-- The status is that of kstatus: observedGeneration, and the conditions Ready, Reconciling and Stalled, which are there from
-- the first look on. The operator: https://tairyo.dev, its conditions: docs/reasons.md.
-- What is being deleted never comes here: Argo CD calls it Progressing by itself.
-- Base functions only, so that the file works in argocd-cm without useOpenLibs as well.
local health = { status = "Progressing", message = "Waiting for the operator to look at the site" }

local conditions = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    conditions[condition.type] = condition
  end
end
local ready = conditions.Ready
local stalled = conditions.Stalled

-- The reason is a word to look up, the message a sentence.
local function told(condition)
  if condition.message == nil or condition.message == "" then
    return condition.reason
  end
  return condition.reason .. ": " .. condition.message
end

-- The annotation changes no generation, so the status may not know of it yet.
if obj.spec ~= nil and obj.spec.suspend == true then
  health.status = "Suspended"
  health.message = "spec.suspend is true: nothing is changed"
  return health
end
if obj.metadata.annotations ~= nil and obj.metadata.annotations["tairyo.dev/suspend"] == "true" then
  health.status = "Suspended"
  health.message = "The annotation tairyo.dev/suspend is true: nothing is changed"
  return health
end

if ready == nil then
  return health
end
-- What the status says may be true of an older spec: a hook that runs on it would run too early.
if obj.status.observedGeneration ~= obj.metadata.generation then
  health.message = "Waiting for the operator to look at the latest spec"
  return health
end
if ready.reason == "Suspended" then
  health.message = "Waiting for the operator to go on with the site"
  return health
end

if stalled ~= nil and stalled.status == "True" then
  -- A person has to decide, and the site goes on as it is: a sync waits for that instead of failing.
  health.status = stalled.reason == "ApprovalRequired" and "Suspended" or "Degraded"
  health.message = told(stalled)
elseif conditions.Reconciling ~= nil and conditions.Reconciling.status == "True" then
  health.message = told(conditions.Reconciling)
elseif ready.status == "True" then
  health.status = "Healthy"
  health.message = ready.message
else
  health.message = told(ready)
end
return health
