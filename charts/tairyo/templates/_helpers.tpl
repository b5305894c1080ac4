{{- define "tairyo.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "tairyo.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "tairyo.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "tairyo.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "tairyo.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end }}

{{- /* The name of objects of the whole cluster. Two installations may have the same name in two namespaces. */ -}}
{{- define "tairyo.clusterName" -}}
{{- printf "%s-%s" (include "tairyo.namespace" .) (include "tairyo.fullname" .) -}}
{{- end }}

{{- define "tairyo.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "tairyo.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "tairyo.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tairyo.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tairyo.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "tairyo.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: tairyo
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* metadata of an object: (dict "root" $ "name" … "namespaced" true "annotations" … "labels" …) */ -}}
{{- define "tairyo.metadata" -}}
metadata:
  name: {{ .name }}
  {{- if .namespace }}
  namespace: {{ .namespace }}
  {{- end }}
  labels:
    {{- include "tairyo.labels" .root | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- /* An image by its digest, or else its tag: (dict "root" $ "image" …) */ -}}
{{- define "tairyo.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end }}

{{- /* "true" where an object of a kind that the cluster may lack is written:
       (dict "root" $ "monitor" values "version" group/version "kind" …) */ -}}
{{- define "tairyo.isRendered" -}}
{{- if .monitor.enabled -}}
{{- $known := .root.Capabilities.APIVersions.Has (printf "%s/%s" .version .kind) -}}
{{- if or $known (eq .monitor.renderMode "alwaysRender") -}}
true
{{- else if eq .monitor.renderMode "failIfMissing" -}}
{{- fail (printf "the cluster has no %s of %s; install the Prometheus operator first, or set renderMode to skipIfMissing or alwaysRender" .kind .version) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* What no schema can say. */ -}}
{{- define "tairyo.validate" -}}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.operator.leaderElection) -}}
{{- fail "operator.leaderElection: false is for a single replica only; set replicaCount to 1 or leaderElection to true" -}}
{{- end -}}
{{- if le (int .Values.terminationGracePeriodSeconds) (int .Values.operator.shutdownGraceSeconds) -}}
{{- fail "terminationGracePeriodSeconds must be more than operator.shutdownGraceSeconds, or the pod is killed before it gives back the Lease" -}}
{{- end -}}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor would both scrape the same pods; enable one of them" -}}
{{- end -}}
{{- if and .Values.classes.local.create .Values.classes.local.default .Values.classes.aws.create .Values.classes.aws.default -}}
{{- fail "classes.local.default and classes.aws.default: two default classes are none; set one of them to false" -}}
{{- end -}}
{{- if and .Values.classes.aws.create (not .Values.classes.aws.spec) -}}
{{- fail "classes.aws.create needs classes.aws.spec; docs/classes.md has whole ones to start from" -}}
{{- end -}}
{{- end }}
