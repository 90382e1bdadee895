// Package deploytest examines what is deployed and not compiled: docker-compose.yml, the Dockerfile and deploy/. It reads
// them as the programs would for which they are, and compares them with each other and with Holdfast's own commands.
// It needs the programs of `make build`, and no Docker.
package deploytest
