# CTranslate2 for CPU. Rendered by inferpack; every layer is a tar with fixed times and owners.
# By hand: docker buildx build --network none --build-arg SOURCE_DATE_EPOCH=1700000000 .
FROM scratch
ADD --link layers/base.tar /
ADD --link layers/numpy-2.4.6.tar /
ADD --link layers/ctranslate2-4.8.5.tar /
ADD --link layers/selftest-data.tar /
ADD --link layers/selftest.tar /
ENV LANG="C.UTF-8"
LABEL org.opencontainers.image.title="CTranslate2" \
      org.opencontainers.image.description="CTranslate2 4.8.5: CPU inference, INT8 proven" \
      org.opencontainers.image.version="4.8.5" \
      org.opencontainers.image.revision="0123456789abcdef0123456789abcdef01234567" \
      org.opencontainers.image.created="2023-11-14T22:13:20Z" \
      org.opencontainers.image.source="https://github.com/OpenNMT/CTranslate2" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.base.name="inferpack/base:bookworm" \
      org.opencontainers.image.base.digest="sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
      io.inferpack.variant="ctranslate2-openblas-py311-arm64" \
      io.inferpack.backend="openblas" \
      io.inferpack.lock="sha256:13e091c893d51829e785f0af709c836501c595daa13c08a1a1db6b82bea3a587" \
      io.inferpack.base.packages="libc6=2.36-9 python3.11-minimal=3.11.2-6"
USER 10001:10001
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/opt/inferpack/start"]
CMD ["python3"]
