{{/* The settings as they are put in force, and what follows from them. */}}

{{/* What the engine excludes where the settings list nothing. A test holds it against the schema's default. */}}
{{- define "landlord.excludedByDefault" -}}
[kube-system, kube-public, kube-node-lease, landlord, kubewarden]
{{- end -}}

{{/* Namespaces that landlord never looks at: the settings', or the default ones; its own, and the policy server's. */}}
{{- define "landlord.excluded" -}}
{{- $excluded := include "landlord.excludedByDefault" . | fromYamlArray -}}
{{- if hasKey .Values.settings "excludedNamespaces" -}}
{{- $excluded = .Values.settings.excludedNamespaces | default list -}}
{{- end -}}
{{- $excluded = append $excluded .Release.Namespace -}}
{{- if .Values.policy.enabled -}}
{{- $excluded = append $excluded .Values.policy.serviceAccount.namespace -}}
{{- end -}}
{{- toYaml (uniq $excluded) -}}
{{- end -}}

{{/* The document itself. What is the engine's own default is left out. */}}
{{- define "landlord.settings" -}}
{{- $settings := merge (deepCopy .Values.settings) (dict "tenantSource" "landlord") -}}
{{- $account := printf "%s:%s" .Release.Namespace .Values.serviceAccount.name -}}
{{- if and $settings.controller (ne $settings.controller $account) -}}
{{- fail (printf "settings.controller is %q, but the controller of this release is %q: leave it out, or set serviceAccount.name" $settings.controller $account) -}}
{{- end -}}
{{- if ne $account "landlord:controller" -}}
{{- $_ := set $settings "controller" $account -}}
{{- end -}}
{{- $excluded := include "landlord.excluded" . | fromYamlArray -}}
{{- if or (hasKey $settings "excludedNamespaces") (ne (toJson $excluded) (include "landlord.excludedByDefault" . | fromYamlArray | toJson)) -}}
{{- $_ := set $settings "excludedNamespaces" $excluded -}}
{{- end -}}
{{- /* Where no webhook judges namespaces, the guard is all there is, and has to look at all of them. */ -}}
{{- if and (not .Values.policy.enabled) (not (hasKey ($settings.guard | default dict) "scope")) -}}
{{- $_ := set $settings "guard" (merge (dict "scope" "all") ($settings.guard | default dict)) -}}
{{- end -}}
{{- /* What the policy on Pods does, the guard has to know: beside it, Pods that wait are let in. */ -}}
{{- if .Values.policy.pods.enabled -}}
{{- $pods := dict "place" true "daemonSets" .Values.policy.pods.daemonSets -}}
{{- if .Values.policy.pods.hold -}}
{{- $_ := set $pods "onUnready" "hold" -}}
{{- end -}}
{{- $_ := set $settings "pods" $pods -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/* landlord, capsule, custom or inline. */}}
{{- define "landlord.source" -}}
{{- $source := .Values.settings.tenantSource | default "landlord" -}}
{{- if kindIs "string" $source -}}{{ $source }}{{- else -}}{{ keys $source | first }}{{- end -}}
{{- end -}}

{{/* All sources whose tenants may be read. */}}
{{- define "landlord.sources" -}}
{{- $also := list -}}
{{- range .Values.rbac.also -}}{{- if has . (list "landlord" "capsule") -}}{{- $also = append $also . -}}{{- end -}}{{- end -}}
{{- append $also (include "landlord.source" .) | uniq | toYaml -}}
{{- end -}}

{{/* The beginning of a rule about the kind that custom tenants are of. */}}
{{- define "landlord.customResource" -}}
{{- with .Values.settings.tenantSource.custom -}}
{{- $group := "" -}}
{{- if contains "/" .apiVersion -}}{{- $group = splitList "/" .apiVersion | first -}}{{- end -}}
{apiGroups: [{{ $group | quote }}], resources: [{{ $.Values.rbac.customResource | default (printf "%ss" (lower .kind)) }}]
{{- end -}}
{{- end -}}

{{/* What the policy reads of tenants, as contextAwareResources have it. */}}
{{- define "landlord.tenantKind" -}}
{{- $source := include "landlord.source" . -}}
{{- if eq $source "landlord" -}}
{apiVersion: landlord.dev/v1alpha1, kind: Tenant}
{{- else if eq $source "capsule" -}}
{apiVersion: capsule.clastix.io/v1beta2, kind: Tenant}
{{- else if eq $source "custom" -}}
{apiVersion: {{ .Values.settings.tenantSource.custom.apiVersion }}, kind: {{ .Values.settings.tenantSource.custom.kind }}}
{{- end -}}
{{- end -}}

{{/* Whether the API server has MutatingAdmissionPolicies. `helm template` without a cluster knows no kinds, and goes by the version it stands for. */}}
{{- define "landlord.canMutate" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
yes
{{- else if and (not (.Capabilities.APIVersions.Has "v1/Namespace")) (semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version) -}}
yes
{{- end -}}
{{- end -}}

{{/* Whether the controller keeps the guard: the one place that reads `guard.enabled`. */}}
{{- define "landlord.guard" -}}
{{- $enabled := toString .Values.guard.enabled -}}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") (include "landlord.canMutate" .)) -}}
yes
{{- end -}}
{{- end -}}

{{/* Whether `helm uninstall` releases the namespaces: what is left to a user who binds rights by hand is theirs. */}}
{{- define "landlord.releases" -}}
{{- if and .Values.uninstall.release .Values.rbac.create -}}
yes
{{- end -}}
{{- end -}}

{{/* Values that contradict each other. */}}
{{- define "landlord.check" -}}
{{- if and .Values.settings.strategy (not .Values.policy.enabled) -}}
{{- fail "settings.strategy is written into the policy's matchConditions: set policy.enabled=true, or leave the strategy out (without a policy, the controller does everything)" -}}
{{- end -}}
{{- if and .Values.policy.pods.enabled (not .Values.policy.enabled) -}}
{{- fail "policy.pods.enabled needs policy.enabled=true: Pods are placed by what the policy wrote on their namespace" -}}
{{- end -}}
{{- if and .Values.policy.pods.hold (not (or (include "landlord.guard" .) .Values.releasePods)) -}}
{{- fail "policy.pods.hold lets Pods wait for a controller that releases them: set guard.enabled=true or releasePods=true" -}}
{{- end -}}
{{- if and .Values.guard.place (not (include "landlord.guard" .)) -}}
{{- fail "guard.place is a part of the guard: set guard.enabled=true" -}}
{{- end -}}
{{- if and .Values.guard.place (semverCompare "<1.34.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "guard.place needs MutatingAdmissionPolicies (Kubernetes 1.36, or 1.34 where they are switched on), and this is %s: see docs/guard.md for the policy on Pods" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}
