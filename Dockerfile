# Everything Holdfast needs at run time: one static program and the certificates of the world.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Without cgo the program needs no libc, and so no system around it.
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /holdfast ./cmd/holdfast
# Volumes mounted there take over their owner.
RUN mkdir -p /data/spool /data/storage

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /holdfast /holdfast
COPY --from=build --chown=65532:65532 /data/ /var/lib/holdfast/
# A number, because there is no /etc/passwd; Kubernetes' runAsNonRoot wants one as well.
USER 65532:65532
ENTRYPOINT ["/holdfast"]
CMD ["serve"]
