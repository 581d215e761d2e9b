{{/*
Envoy's bootstrap: what `epp envoy` prints for one picker with ORIGINAL_DST, a listener that says whether Envoy is ready, and
HTTP/2 to the model servers where they speak gRPC. A test holds it equal to the generator.
*/}}
{{- define "picker.envoy" -}}
{{- $settings := include "picker.settings" . | fromYaml -}}
{{- $picker := ternary "127.0.0.1" (printf "%s-headless.%s.svc.%s" (include "picker.name" .) .Release.Namespace $settings.clusterDomain) $settings.derived.sidecar -}}
admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 19000 }
layered_runtime:
  layers:
    - name: static
      static_layer:
        envoy.reloadable_features.ext_proc_graceful_grpc_close: true
static_resources:
  listeners:
    - name: inference
      address:
        socket_address: { address: 0.0.0.0, port_value: 8081 }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: inference
                common_http_protocol_options:
                  max_headers_count: 200
                http_filters:
                  - name: envoy.filters.http.header_mutation
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                      mutations:
                        request_mutations:
                          - remove: x-gateway-destination-endpoint
                  - name: envoy.filters.http.ext_proc
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
                      grpc_service:
                        envoy_grpc:
                          cluster_name: endpoint-picker
                        timeout: 10s
                        retry_policy:
                          retry_on: connect-failure,refused-stream
                          num_retries: 2
                          retry_host_predicate:
                            - name: envoy.retry_host_predicates.previous_hosts
                              typed_config:
                                "@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate
                          host_selection_retry_max_attempts: 3
                      processing_mode:
                        request_header_mode: SEND
                        request_body_mode: FULL_DUPLEX_STREAMED
                        request_trailer_mode: SEND
                        response_header_mode: SEND
                        response_body_mode: FULL_DUPLEX_STREAMED
                        response_trailer_mode: SEND
                      message_timeout: 1000s
                      failure_mode_allow: {{ $settings.proxy.failOpen }}
                      metadata_options:
                        forwarding_namespaces:
                          untyped: [envoy.lb, envoy.lb.subset_hint]
                        receiving_namespaces:
                          untyped: [envoy.lb]
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                route_config:
                  name: inference
                  virtual_hosts:
                    - name: inference
                      domains: ["*"]
                      routes:
                        - match: { prefix: / }
                          route: { cluster: model-servers, timeout: 0s }
    - name: ready
      address:
        socket_address: { address: 0.0.0.0, port_value: 19001 }
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: ready
                http_filters:
                  - name: envoy.filters.http.health_check
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck
                      pass_through_mode: false
                      headers:
                        - name: ":path"
                          string_match: { exact: /ready }
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                route_config:
                  name: ready
                  virtual_hosts:
                    - name: ready
                      domains: ["*"]
                      routes:
                        - match: { path: /stats/prometheus }
                          route: { cluster: admin }
  clusters:
    - name: model-servers
      type: ORIGINAL_DST
      lb_policy: CLUSTER_PROVIDED
      connect_timeout: 2s
      original_dst_lb_config:
        use_http_header: true
        http_header_name: x-gateway-destination-endpoint
      {{- if eq $settings.modelServers.protocol "grpc" }}
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config:
            http2_protocol_options: {}
      {{- end }}
      circuit_breakers:
        thresholds:
          - { max_connections: 40000, max_pending_requests: 40000, max_requests: 40000, max_retries: 40000 }
    - name: endpoint-picker
      type: {{ ternary "STATIC" "STRICT_DNS" $settings.derived.sidecar }}
      connect_timeout: 2s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config:
            http2_protocol_options:
              connection_keepalive: { interval: 1s, timeout: 3s }
      {{- if $settings.derived.secure }}
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2]
      transport_socket_matches:
        - name: health
          match: { plaintext: true }
          transport_socket:
            name: envoy.transport_sockets.raw_buffer
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer
      {{- end }}
      load_assignment:
        cluster_name: endpoint-picker
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: { address: {{ $picker }}, port_value: {{ int $settings.epp.extProcPort }} }
                  health_check_config: { port_value: {{ int $settings.epp.grpcHealthPort }} }
      health_checks:
        - interval: 1s
          no_traffic_interval: 1s
          timeout: 1s
          unhealthy_threshold: 2
          healthy_threshold: 1
          grpc_health_check:
            service_name: envoy.service.ext_proc.v3.ExternalProcessor
          {{- if $settings.derived.secure }}
          transport_socket_match_criteria: { plaintext: true }
          {{- end }}
      close_connections_on_host_health_failure: true
      common_lb_config:
        healthy_panic_threshold: { value: 0 }
      circuit_breakers:
        thresholds:
          - { max_connections: 40000, max_pending_requests: 40000, max_requests: 40000, max_retries: 40000 }
    - name: admin
      type: STATIC
      connect_timeout: 2s
      load_assignment:
        cluster_name: admin
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: { address: 127.0.0.1, port_value: 19000 }
{{- end -}}

{{/* The container that runs it: root, settings, isSidecar. */}}
{{- define "picker.envoyContainer" -}}
- name: envoy
  image: {{ .settings.proxy.image | quote }}
  imagePullPolicy: {{ .settings.proxy.imagePullPolicy }}
  {{- if .isSidecar }}
  restartPolicy: Always
  {{- end }}
  command: [envoy]
  args: [-c, /etc/envoy/envoy.yaml, --log-level, warn, --disable-hot-restart]
  ports:
    - name: http
      containerPort: 8081
    - name: envoy-ready
      containerPort: 19001
  startupProbe:
    httpGet:
      path: /ready
      port: envoy-ready
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    httpGet:
      path: /ready
      port: envoy-ready
    periodSeconds: 5
  {{- with .settings.proxy.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "picker.containerSecurity" .root | nindent 4 }}
  volumeMounts:
    - name: envoy
      mountPath: /etc/envoy
      readOnly: true
{{- end -}}
