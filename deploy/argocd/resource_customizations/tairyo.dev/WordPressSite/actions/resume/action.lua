if obj.metadata.annotations ~= nil then
  obj.metadata.annotations["tairyo.dev/suspend"] = nil
end
return obj
