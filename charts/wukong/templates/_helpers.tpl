{{- define "wukong.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "wukong.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "wukong.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "wukong.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "wukong.selectorLabels" -}}
app.kubernetes.io/name: {{ include "wukong.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wukong.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "wukong.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "wukong.serviceAccountName" -}}
{{- default (ternary (include "wukong.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "wukong.image" -}}
{{- $repository := .Values.image.repository -}}
{{- if .Values.image.registry -}}
{{- $repository = printf "%s/%s" .Values.image.registry .Values.image.repository -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Names of cluster-scoped objects contain the namespace, so that two releases in one cluster never share a role. */}}
{{- define "wukong.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "wukong.fullname" .) | trunc 100 | trimSuffix "-" -}}
{{- end -}}

{{/* Whether the rights of a subsystem are needed: it is common to all, or its controller is selected. */}}
{{- define "wukong.runs" -}}
{{- $common := list "dependency" -}}
{{- if or (has .name $common) (has "*" .controllers) (has .name .controllers) -}}yes{{- end -}}
{{- end -}}

{{/* Cluster-scoped resources, and those that are read in KubeVirt's own namespace. */}}
{{- define "wukong.clusterResources" -}}
cdiconfigs customresourcedefinitions kubevirts namespaces nodenetworkconfigurationenactments nodenetworkconfigurationpolicies nodenetworkstates nodes
storageclasses volumesnapshotclasses wukongaddresses wukonghostnetworkpolicies
{{- end -}}

{{/* The rules of a role in two parts, for a release for some namespaces: "cluster" for cluster-scoped resources, and
"namespaces". It only reads policies of nodes, because it does not see all networks and must not change the bridges of nodes. */}}
{{- define "wukong.limited" -}}
{{- $known := splitList " " (include "wukong.clusterResources" . | replace "\n" " ") -}}
{{- $cluster := list -}}
{{- $namespaces := list -}}
{{- range $rule := . -}}
  {{- $everywhere := list -}}
  {{- $inside := list -}}
  {{- range $resource := $rule.resources -}}
    {{- if not (has $resource $known) -}}
      {{- $inside = append $inside $resource -}}
    {{- else if eq $resource "nodenetworkconfigurationpolicies" -}}
      {{- $cluster = append $cluster (dict "apiGroups" $rule.apiGroups "resources" (list $resource) "verbs" (list "get" "list" "watch")) -}}
    {{- else -}}
      {{- $everywhere = append $everywhere $resource -}}
    {{- end -}}
  {{- end -}}
  {{- with $everywhere -}}{{- $cluster = append $cluster (merge (dict "resources" .) $rule) -}}{{- end -}}
  {{- with $inside -}}{{- $namespaces = append $namespaces (merge (dict "resources" .) $rule) -}}{{- end -}}
{{- end -}}
{{- toYaml (dict "cluster" $cluster "namespaces" $namespaces) -}}
{{- end -}}
