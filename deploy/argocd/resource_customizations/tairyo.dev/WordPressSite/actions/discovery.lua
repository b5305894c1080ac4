-- All actions are annotations, which GitOps leaves alone; the operator writes into status.handledRequests what it has done.
-- https://tairyo.dev, docs/gitops.md
local annotations = obj.metadata.annotations or {}
local status = obj.status or {}
local deleted = obj.metadata.deletionTimestamp ~= nil
local held = annotations["tairyo.dev/suspend"] == "true"
local still = held or deleted or (obj.spec ~= nil and obj.spec.suspend == true)
local ready = false
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" and condition.status == "True" then
    ready = true
  end
end

local actions = {}
actions["reconcile-now"] = {
  ["displayName"] = "Look at the site now",
  ["iconClass"] = "fa fa-fw fa-rotate-right",
  ["disabled"] = deleted
}
actions["restart"] = {
  ["displayName"] = "Replace the web pods one by one",
  ["iconClass"] = "fa fa-fw fa-recycle",
  ["disabled"] = still
}
actions["clear-cache"] = {
  ["displayName"] = "Empty the page caches",
  ["iconClass"] = "fa fa-fw fa-eraser",
  ["disabled"] = still
}
actions["retry"] = {
  ["displayName"] = "Try again what has failed",
  ["iconClass"] = "fa fa-fw fa-redo",
  ["disabled"] = still or ready
}
if held then
  actions["resume"] = {
    ["displayName"] = "Go on",
    ["iconClass"] = "fa fa-fw fa-play",
    ["disabled"] = deleted
  }
else
  actions["suspend"] = {
    ["displayName"] = "Hold still",
    ["iconClass"] = "fa fa-fw fa-pause",
    ["disabled"] = still
  }
end
-- The token is that of the plan on the screen: one that has changed meanwhile is not approved.
local plan = status.plan
actions["approve-plan"] = {
  ["displayName"] = "Approve the change that waits",
  ["iconClass"] = "fa fa-fw fa-check",
  ["disabled"] = plan == nil
}
if plan ~= nil then
  actions["approve-plan"]["params"] = {
    { ["name"] = "token", ["default"] = plan.token }
  }
end
return actions
