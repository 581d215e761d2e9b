{{/* Ends the rendering with what is wrong and what to do. Schema checks (names and types) have run before. */}}
{{- define "picker.checks" -}}
{{- $settings := include "picker.settings" . | fromYaml -}}
{{- range $path, $hint := .Files.Get "files/refused-values.yaml" | fromYaml -}}
  {{- if include "picker.isSet" (dict "at" $.Values "path" (splitList "." $path)) -}}
    {{- fail (printf "Cannot use value %q: %s" $path $hint) -}}
  {{- end -}}
{{- end -}}
{{- $known := .Files.Get "files/flags.yaml" | fromYaml -}}
{{- range $name, $_ := $settings.derived.flags -}}
  {{- with index $known.refused $name }}{{ fail (printf "Cannot use value \"router.epp.flags.%s\": %s" $name .) }}{{ end -}}
  {{- if not (has $name $known.passed) }}{{ fail (printf "Cannot use value \"router.epp.flags.%s\": epp serve has no flag --%s" $name $name) }}{{ end -}}
{{- end -}}
{{- if eq $settings.proxy.proxyType "agentgateway" -}}
  {{- fail "Cannot use value \"router.proxy.proxyType\": found agentgateway, expected envoy; install agentgateway by its own chart and point an InferencePool at this picker" -}}
{{- end -}}
{{- if eq $settings.monitoring.provider.name "gmp" -}}
  {{- fail "Cannot use value \"router.monitoring.provider.name\": found gmp, expected prometheusoperator or nothing; write a PodMonitoring for port metrics of the picker's pods" -}}
{{- end -}}
{{- if not $settings.modelServers.matchLabels -}}
  {{- fail "Cannot render without \"router.modelServers.matchLabels\": expected the labels of the model servers' pods, such as --set router.modelServers.matchLabels.app=vllm" -}}
{{- end -}}
{{- if not $settings.modelServers.targetPorts -}}
  {{- fail "Cannot render without \"router.modelServers.targetPorts\": expected 1 to 8 ports, such as [{ number: 8000 }]" -}}
{{- end -}}
{{- if and $settings.inferenceObjectives (not $settings.inferencePool.create) -}}
  {{- fail "Cannot use value \"router.inferenceObjectives\": objectives belong to an InferencePool, and router.inferencePool.create is false" -}}
{{- end -}}
{{- if and $settings.derived.route.create (not $settings.inferencePool.create) -}}
  {{- fail "Cannot use value \"httpRoute.create\": the route leads to an InferencePool, and router.inferencePool.create is false" -}}
{{- end -}}
{{- if and $settings.epp.pluginsConfig (hasKey $settings.epp.pluginsCustomConfig $settings.epp.pluginsConfigFile) -}}
  {{- fail (printf "Cannot use value \"router.epp.pluginsConfig\": router.epp.pluginsCustomConfig has %q too; give one of them" $settings.epp.pluginsConfigFile) -}}
{{- end -}}
{{- if and (not $settings.epp.pluginsConfig) (not (hasKey $settings.epp.pluginsCustomConfig $settings.epp.pluginsConfigFile)) (not (has $settings.epp.pluginsConfigFile (list "default-plugins.yaml" "payload-agnostic.yaml"))) -}}
  {{- fail (printf "Cannot use value \"router.epp.pluginsConfigFile\": found %q, expected default-plugins.yaml, payload-agnostic.yaml or a name in router.epp.pluginsCustomConfig" $settings.epp.pluginsConfigFile) -}}
{{- end -}}
{{- if and $settings.networkPolicy.enabled (not $settings.proxy.enabled) (not $settings.networkPolicy.gatewayNamespaces) -}}
  {{- fail "Cannot use value \"router.networkPolicy.enabled\": router.networkPolicy.gatewayNamespaces is empty, so no gateway could reach the picker" -}}
{{- end -}}
{{- end -}}

{{/* "yes" when the value at a path is there and neither empty nor false. */}}
{{- define "picker.isSet" -}}
{{- $at := .at -}}
{{- range .path -}}
  {{- $at = ternary (index (ternary $at dict (kindIs "map" $at)) .) nil (kindIs "map" $at) -}}
{{- end -}}
{{- if $at }}yes{{ end -}}
{{- end -}}
