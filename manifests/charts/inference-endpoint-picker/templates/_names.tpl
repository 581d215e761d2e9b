{{/* Name of the picker's objects. */}}
{{- define "picker.name" -}}
{{ .Release.Name | lower | trunc 40 | trimSuffix "-" }}-epp
{{- end -}}

{{/* Name of cluster-wide objects, with a suffix. */}}
{{- define "picker.clusterName" -}}
{{ printf "%s-%s" (.Release.Namespace | trunc 40 | trimSuffix "-") (include "picker.name" .) }}
{{- end -}}

{{/* Labels that pods are selected by; they never change. */}}
{{- define "picker.selectorLabels" -}}
app.kubernetes.io/name: inference-endpoint-picker
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: picker
{{- end -}}

{{- define "picker.labels" -}}
{{ include "picker.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "picker.proxySelectorLabels" -}}
app.kubernetes.io/name: inference-endpoint-picker
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: proxy
{{- end -}}

{{- define "picker.proxyLabels" -}}
{{ include "picker.proxySelectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}
