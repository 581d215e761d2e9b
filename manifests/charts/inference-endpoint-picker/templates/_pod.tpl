{{/* Arguments of the picker's container, one a line. */}}
{{- define "picker.args" -}}
{{- $settings := include "picker.settings" . | fromYaml -}}
{{- $epp := $settings.epp -}}
{{- if $settings.inferencePool.create }}
- --pool-name
- {{ .Release.Name | quote }}
- --pool-namespace
- {{ .Release.Namespace | quote }}
- --pool-group
- inference.networking.k8s.io
{{- else }}
- --endpoint-selector
- {{ include "picker.selectorText" $settings.modelServers.matchLabels | quote }}
- --endpoint-target-ports
- {{ include "picker.portsText" $settings.modelServers.targetPorts | quote }}
- --pool-namespace
- {{ .Release.Namespace | quote }}
{{- end }}
- --config-file
- /config/{{ $epp.pluginsConfigFile }}
- --grpc-port
- {{ include "picker.text" $epp.extProcPort | quote }}
- --grpc-health-port
- {{ include "picker.text" $epp.grpcHealthPort | quote }}
- --metrics-port
- {{ include "picker.text" $settings.metricsPort | quote }}
{{- if and $settings.derived.election (not (hasKey $settings.derived.flags "ha-enable-leader-election")) }}
- --ha-enable-leader-election
{{- end }}
{{- if and (not $settings.derived.metricsAuth) (not (hasKey $settings.derived.flags "metrics-endpoint-auth")) }}
- --metrics-endpoint-auth=false
{{- end }}
{{- if and $settings.tracing.enabled (not (hasKey $settings.derived.flags "tracing")) }}
- --tracing=true
{{- end }}
{{- range $name, $value := $settings.derived.flags }}
- {{ printf "--%s=%s" $name $value | quote }}
{{- end }}
{{- end -}}

{{- define "picker.selectorText" -}}
{{- $parts := list -}}
{{- range $key, $value := . }}{{ $parts = append $parts (printf "%s=%s" $key $value) }}{{ end -}}
{{ join "," $parts }}
{{- end -}}

{{- define "picker.portsText" -}}
{{- $parts := list -}}
{{- range . }}{{ $parts = append $parts (include "picker.text" .number) }}{{ end -}}
{{ join "," $parts }}
{{- end -}}

{{- define "picker.image" -}}
{{- $image := (include "picker.settings" . | fromYaml).epp.image -}}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* Environment: a list as it stands, or a map of name and value. */}}
{{- define "picker.env" -}}
{{- if kindIs "map" . -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ include "picker.text" $value | quote }}
{{- end }}
{{- else if . }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What both containers may do: nothing beyond their work. */}}
{{- define "picker.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "picker.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Over nodes and zones as far as there are any. */}}
{{- define "picker.spread" -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- $.labels | nindent 6 }}
{{- end }}
{{- end -}}
