if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["tairyo.dev/suspend"] = "true"
return obj
