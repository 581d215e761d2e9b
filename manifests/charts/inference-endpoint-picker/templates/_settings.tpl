{{/*
The values of `router`, with those under former names in their places, and what follows from them under `derived`:
  election   only the leader serves
  metricsAuth  /metrics asks the API server who may read
  sidecar, service  where Envoy runs
  secure     ext_proc over TLS
  flags      of `epp serve`, name and text
Read it with: include "picker.settings" . | fromYaml
*/}}
{{- define "picker.settings" -}}
{{- $router := deepCopy .Values.router -}}
{{- include "picker.adoptExtension" (dict "router" $router "former" .Values.inferenceExtension) -}}
{{- include "picker.adoptPool" (dict "router" $router "former" .Values.inferencePool) -}}
{{- with .Values.inferenceObjectives }}{{ $_ := set $router "inferenceObjectives" . }}{{ end -}}
{{- if $router.epp.parser }}{{ $_ := set $router.epp "parsers" (list $router.epp.parser) }}{{ end -}}
{{- $flags := include "picker.flags" $router.epp | fromYaml -}}
{{- $election := gt (int $router.epp.replicas) 1 -}}
{{- with index $flags "ha-enable-leader-election" }}{{ $election = eq . "true" }}{{ end -}}
{{- $auth := $router.monitoring.prometheus.auth.enabled -}}
{{- with index $flags "metrics-endpoint-auth" }}{{ $auth = eq . "true" }}{{ end -}}
{{- $secure := true -}}
{{- with index $flags "secure-serving" }}{{ $secure = eq . "true" }}{{ end -}}
{{- $route := .Values.httpRoute -}}
{{- with .Values.experimentalHttpRoute }}{{ $route = set (merge (deepCopy .) $route) "create" (eq true .enabled) }}{{ end -}}
{{- $_ := set $router "derived" (dict
  "flags" $flags
  "election" $election
  "metricsAuth" $auth
  "secure" $secure
  "sidecar" (and $router.proxy.enabled (eq $router.proxy.mode "sidecar"))
  "service" (and $router.proxy.enabled (eq $router.proxy.mode "service"))
  "route" $route
) -}}
{{ toYaml $router }}
{{- end -}}

{{/* Values of the former `inferenceExtension`, put into `router`. */}}
{{- define "picker.adoptExtension" -}}
{{- $epp := .router.epp -}}
{{- $former := .former -}}
{{- range list "replicas" "extProcPort" "grpcHealthPort" "env" "flags" "resources" "affinity" "tolerations" "pluginsConfigFile" "pluginsCustomConfig" "extraContainerPorts" "volumes" "volumeMounts" -}}
  {{- if hasKey $former . }}{{ $_ := set $epp . (index $former .) }}{{ end -}}
{{- end -}}
{{- range $from, $to := dict "hub" "registry" "registry" "registry" "name" "repository" "repository" "repository" "tag" "tag" "pullPolicy" "pullPolicy" -}}
  {{- with index ($former.image | default dict) $from }}{{ $_ := set $epp.image $to . }}{{ end -}}
{{- end -}}
{{- if hasKey $former "enableLeaderElection" -}}
  {{- $flags := include "picker.flags" $epp | fromYaml -}}
  {{- $_ := set $epp "flags" (set $flags "ha-enable-leader-election" (toString $former.enableLeaderElection)) -}}
{{- end -}}
{{- with $former.extraServicePorts }}{{ $_ := set $.router "extraServicePorts" . }}{{ end -}}
{{- with $former.monitoring -}}
  {{- with .interval }}{{ $_ := set $.router.monitoring "interval" . }}{{ end -}}
  {{- with .secret }}{{ $_ := set $.router.monitoring.prometheus.auth "secretName" .name }}{{ end -}}
  {{- with .prometheus -}}
    {{- if hasKey . "enabled" }}{{ $_ := set $.router.monitoring.prometheus "enabled" .enabled }}{{ end -}}
    {{- with .extraLabels }}{{ $_ := set $.router.monitoring.prometheus "extraLabels" . }}{{ end -}}
    {{- range $key, $value := .auth | default dict }}{{ $_ := set $.router.monitoring.prometheus.auth $key $value }}{{ end -}}
  {{- end -}}
{{- end -}}
{{- range $key, $value := $former.tracing | default dict }}{{ $_ := set $.router.tracing $key $value }}{{ end -}}
{{- end -}}

{{/* Values of the former `inferencePool`, put into `router`. */}}
{{- define "picker.adoptPool" -}}
{{- $servers := .router.modelServers -}}
{{- with .former.modelServers }}{{ with .matchLabels }}{{ $_ := set $servers "matchLabels" . }}{{ end }}{{ end -}}
{{- with .former.modelServerType }}{{ $_ := set $servers "type" . }}{{ end -}}
{{- with .former.modelServerProtocol }}{{ $_ := set $servers "protocol" . }}{{ end -}}
{{- with .former.targetPortNumber }}{{ $_ := set $servers "targetPorts" (list (dict "number" .)) }}{{ end -}}
{{- with .former.targetPorts }}{{ $_ := set $servers "targetPorts" . }}{{ end -}}
{{- with .former.failureMode }}{{ $_ := set $.router.inferencePool "failureMode" . }}{{ end -}}
{{- if hasKey .former "enabled" }}{{ $_ := set $.router.inferencePool "create" .former.enabled }}{{ end -}}
{{- end -}}

{{/* Flags of `epp serve` as a map of name and text, from a map or from a list of name and value. */}}
{{- define "picker.flags" -}}
{{- $flags := dict -}}
{{- if kindIs "map" .flags -}}
  {{- range $name, $value := .flags }}{{ $_ := set $flags $name (include "picker.text" $value) }}{{ end -}}
{{- else -}}
  {{- range .flags }}{{ $_ := set $flags .name (include "picker.text" .value) }}{{ end -}}
{{- end -}}
{{ toYaml $flags }}
{{- end -}}

{{/* A scalar as text: whole numbers without an exponent. */}}
{{- define "picker.text" -}}
{{- if and (kindIs "float64" .) (eq (float64 (int64 .)) .) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}
