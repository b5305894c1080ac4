{{- /* What the operator reads of the whole cluster, wherever its sites are. No rule has a wildcard; nothing of RBAC, no
       node, no webhook, no exec, and nothing of Secrets. */ -}}
{{- define "tairyo.rules.cluster" -}}
- apiGroups: [tairyo.dev]
  resources: [wordpressclasses]
  verbs: [get, list, watch]
{{- $classes := list }}
{{- range $name, $class := .Values.classes }}
{{- if $class.create }}
{{- $classes = append $classes $name }}
{{- end }}
{{- end }}
{{- with $classes }}
# The classes of the chart's values, which the operator applies, since Helm cannot bring a kind and an object of it at once.
- apiGroups: [tairyo.dev]
  resources: [wordpressclasses]
  resourceNames: [{{ join ", " . }}]
  verbs: [create, patch]
{{- end }}
# Whether its own kinds are there.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  resourceNames: [wordpressclasses.tairyo.dev, wordpresssites.tairyo.dev]
  verbs: [get]
{{- end }}

{{- /* What it does where sites are: in the whole cluster, or in the namespaces that it watches. */ -}}
{{- define "tairyo.rules.sites" -}}
# Sites are read, and patched in one place alone: metadata.finalizers. A spec is never written.
- apiGroups: [tairyo.dev]
  resources: [wordpresssites]
  verbs: [get, list, watch, patch]
- apiGroups: [tairyo.dev]
  resources: [wordpresssites/status]
  verbs: [get, patch]
# Owner references that block the owner's deletion need this where OwnerReferencesPermissionEnforcement is on.
- apiGroups: [tairyo.dev]
  resources: [wordpresssites/finalizers]
  verbs: [update]

# The objects of a site: written by server-side apply, which is a patch, and a create where the object is new.
- apiGroups: [""]
  resources: [configmaps, persistentvolumeclaims, serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [batch]
  resources: [cronjobs, jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]

# Secrets by their names alone. Without list and watch the operator cannot see which Secrets a namespace has, and it
# keeps no copy of any.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch, delete]

# Why a site is not ready: what its pods say, and why pods are refused.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [list]
# What the operator tells about a site.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]

# The labels that allowedNamespaces of a class selects by.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end }}

{{- define "tairyo.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "tairyo.serviceAccountName" . }}
    namespace: {{ include "tairyo.namespace" . }}
{{- end }}
