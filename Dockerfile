# The picker's image: compiled sources and production packages on distroless Node 24, without shell and package manager.
#   docker build -t registry.example/inference-endpoint-picker:0.1.0 .

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY simulator simulator
RUN npm run build

# What runs, exactly as locked; no script of a package is run.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
ENV NODE_ENV=production
COPY package.json LICENSE ./
COPY bin bin
COPY protos protos
COPY manifests/config manifests/config
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/dist dist
USER 65532:65532
EXPOSE 9002 9003 9090
# `serve` is part of the entry, so that a Deployment's arguments are flags, as for the reference picker. Other commands:
# kubectl exec ... -- /nodejs/bin/node /app/bin/epp.js top
ENTRYPOINT ["/nodejs/bin/node", "--disable-proto=delete", "--disable-sigusr1", "/app/bin/epp.js", "serve"]
