{{/* What names the release's objects. There is one landlord in a cluster, so names are fixed, and Helm refuses a second release. */}}

{{- define "landlord.labels" -}}
app.kubernetes.io/name: landlord
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
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

{{- define "landlord.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default (printf "v%s" $.Chart.AppVersion) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "landlord.module" -}}
{{ .Values.policy.module | default (printf "registry://ghcr.io/landlord-dev/landlord-policy:v%s" .Chart.AppVersion) }}
{{- end -}}

{{/* The flag for a policy that has another name. */}}
{{- define "landlord.policyFlag" -}}
{{- if and .Values.policy.enabled (ne .Values.policy.name "landlord") }} --policy {{ .Values.policy.name }}{{ end -}}
{{- end -}}
