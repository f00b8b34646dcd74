# A server as an image: docker build -t gameserver . && docker run --read-only -v gameserver:/data -p 9999:9999 gameserver
# (docs/installing.md)

FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/gameserver && \
    /opt/gameserver/bin/pip install --no-cache-dir ".[postgres]"

FROM python:3.13-slim
COPY --from=build /opt/gameserver /opt/gameserver
# The user has a number that no other image is likely to have, for volumes.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin gameserver && \
    install --directory --owner=gameserver --group=gameserver --mode=0700 /data
ENV PATH=/opt/gameserver/bin:/usr/local/bin:/usr/bin:/bin \
    GAMESERVER_HOST=0.0.0.0 \
    GAMESERVER_PORT=9999 \
    GAMESERVER_DB=/data/gameserver.db
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 9999
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD python -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:$GAMESERVER_PORT/healthz')"
ENTRYPOINT ["gameserver"]
CMD ["serve"]
