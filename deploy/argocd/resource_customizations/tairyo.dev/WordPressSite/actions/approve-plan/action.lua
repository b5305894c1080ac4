local plan = obj.status ~= nil and obj.status.plan or nil
if plan == nil then
  error("No change waits for an approval", 0)
end
local token = actionParams["token"]
if token ~= nil and token ~= plan.token then
  error("The change that waits is another one by now: " .. plan.token, 0)
end
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["tairyo.dev/approve"] = plan.token
return obj
