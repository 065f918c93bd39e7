# The manager's image: one static program, no shell, not root. `make image` builds the same without a container engine.
FROM golang:1.26 AS build
WORKDIR /src

# Modules first, so that a change of code does not download them again.
COPY go.mod go.sum ./
COPY apis/go.mod apis/go.sum apis/
ENV CGO_ENABLED=0 GOWORK=off
RUN go mod download

COPY apis apis
COPY cmd cmd
COPY controllers controllers
COPY mover mover
ARG VERSION=devel
RUN go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${VERSION}" -o /manager ./cmd/manager

FROM scratch
COPY --from=build /manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]
