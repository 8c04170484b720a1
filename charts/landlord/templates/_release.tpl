{{/* What names the release's objects. There is one landlord in a cluster, so names are fixed, and Helm refuses a second release. */}}

{{- define "landlord.labels" -}}
app.kubernetes.io/name: landlord
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels and annotations of an object: the release's, then the object's own, then `commonLabels` and `commonAnnotations`, of which the first with a key wins.
     Called with the root, or with (list ROOT LABELS ANNOTATIONS). */}}
{{- define "landlord.metadata" -}}
{{- $root := . -}}
{{- $labels := dict -}}
{{- $annotations := dict -}}
{{- if kindIs "slice" . -}}
{{- $root = index . 0 -}}
{{- $labels = index . 1 -}}
{{- $annotations = index . 2 -}}
{{- end -}}
labels:
  {{- merge dict (include "landlord.labels" $root | fromYaml) $labels $root.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge dict $annotations $root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* Selects the controller's Pods. Never changes: a Deployment's selector cannot. */}}
{{- define "landlord.selector" -}}
app.kubernetes.io/name: landlord
app.kubernetes.io/component: controller
{{- end -}}

{{/* The controller as a subject of RBAC. */}}
{{- define "landlord.subject" -}}
{kind: ServiceAccount, namespace: {{ .Release.Namespace }}, name: {{ .Values.serviceAccount.name }}}
{{- end -}}

{{/* A repository in the registry that is asked for, if one is: (list REPOSITORY REGISTRY). A first part with a dot or a port is the registry before. */}}
{{- define "landlord.repository" -}}
{{- $repository := index . 0 -}}
{{- with index . 1 -}}
{{- trimSuffix "/" . }}/{{ regexReplaceAll "^(localhost|[^/]*[.:][^/]*)/" $repository "" -}}
{{- else -}}
{{- $repository -}}
{{- end -}}
{{- end -}}

{{- define "landlord.globalRegistry" -}}
{{- (.Values.global | default dict).imageRegistry | default "" -}}
{{- end -}}

{{/* The tag of what was published with the chart: its appVersion, with a v where that is a version and not `edge-COMMIT`. */}}
{{- define "landlord.tag" -}}
{{- regexMatch "^[0-9]" .Chart.AppVersion | ternary "v" "" -}}
{{- .Chart.AppVersion -}}
{{- end -}}

{{- define "landlord.image" -}}
{{- $registry := include "landlord.globalRegistry" . | default .Values.image.registry -}}
{{- with .Values.image -}}
{{- include "landlord.repository" (list .repository $registry) -}}
{{- if .digest -}}
@{{ .digest }}
{{- else -}}
:{{ .tag | default (include "landlord.tag" $) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Pull secrets of every Pod: the values' and the global ones, each a name or an object with one. */}}
{{- define "landlord.pullSecrets" -}}
{{- $secrets := list -}}
{{- range concat ((.Values.global | default dict).imagePullSecrets | default list) .Values.imagePullSecrets -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with uniq $secrets -}}
imagePullSecrets:
{{- toYaml . | nindent 0 }}
{{- end -}}
{{- end -}}

{{- define "landlord.module" -}}
{{- $default := include "landlord.repository" (list "ghcr.io/landlord-dev/landlord-policy" (include "landlord.globalRegistry" .)) -}}
{{ .Values.policy.module | default (printf "registry://%s:%s" $default (include "landlord.tag" .)) }}
{{- end -}}

{{/* Where a Pod of one command is: what the hook and the test have in common with the controller's Pod. */}}
{{- define "landlord.placement" -}}
{{- with include "landlord.pullSecrets" . }}
{{ . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- if .Values.hostNetwork }}
hostNetwork: true
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
{{- toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}

{{/* The flag for a policy that has another name. */}}
{{- define "landlord.policyFlag" -}}
{{- if and .Values.policy.enabled (ne .Values.policy.name "landlord") }} --policy {{ .Values.policy.name }}{{ end -}}
{{- end -}}
