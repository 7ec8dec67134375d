FROM node:18-alpine AS build
WORKDIR /app
COPY build.mjs ./
COPY src/ src/
RUN node build.mjs

FROM nginx:alpine
COPY nginx.conf.template start.sh /app/
COPY --from=build /app/dist /app/html
USER 10001:10001
EXPOSE 8080
# "Quit" answers what was accepted before it ends; SIGTERM would cut it off.
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/bin/sh", "/app/start.sh"]
