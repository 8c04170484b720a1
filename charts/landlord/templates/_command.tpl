{{/* Pods that run one command of landlord's and end: the uninstallation's Job and the test. */}}

{{/* The metadata of a hook's objects, which are deleted when it has succeeded: (list ROOT EVENT WEIGHT). A Job that failed stays for its log. */}}
{{- define "landlord.hook" -}}
{{- $annotations := dict "helm.sh/hook" (index . 1) "helm.sh/hook-weight" (index . 2) "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" -}}
{{- include "landlord.metadata" (list (index . 0) dict $annotations) -}}
{{- end -}}

{{/* A sidecar that is injected runs on when the command has ended, so that a Job never does. */}}
{{- define "landlord.noSidecar" -}}
sidecar.istio.io/inject: "false"
{{- end -}}

{{/* The metadata of such a Pod: (list ROOT COMPONENT). */}}
{{- define "landlord.commandPod" -}}
{{- $root := index . 0 -}}
{{- $labels := merge (dict "app.kubernetes.io/component" (index . 1)) (include "landlord.noSidecar" $root | fromYaml) -}}
{{- include "landlord.metadata" (list $root $labels dict) -}}
{{- end -}}

{{/* Its spec, but for the container. */}}
{{- define "landlord.command" -}}
automountServiceAccountToken: true
enableServiceLinks: false
restartPolicy: Never
{{- with include "landlord.placement" . | trim }}
{{ . }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{/* The container, but for its name and arguments. */}}
{{- define "landlord.container" -}}
image: {{ include "landlord.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.env }}
env:
{{- toYaml . | nindent 0 }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end -}}
