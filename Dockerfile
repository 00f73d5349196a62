# The image for AWS Batch: docker build --build-arg CONFIG=configs/prod.yaml --tag querygen .
# It contains only the plugins that CONFIG uses; README.md, "In a container", shows how to run it.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_QUIET=1
WORKDIR /build

# Third-party packages first: this layer changes only with CONFIG, EXTRAS and requirements.lock, not with our source.
# Bytecode is validated by hash, not by modification time, because a reproducible build gives all files the same time.
ARG CONFIG=configs/prod.yaml
# Extras that CONFIG does not name: "embedded" for querygen's own PostgreSQL, "aws" for catalogues in S3.
ARG EXTRAS=
COPY .ci/needed.py requirements.lock ./
COPY ${CONFIG} config.yaml
RUN python needed.py plugins config.yaml requirements.lock > plugins.txt \
 && python needed.py pins requirements.lock build > build.txt \
 && xargs -a plugins.txt python needed.py pins requirements.lock core ${EXTRAS} > pins.txt \
 && python -m venv --without-pip tools \
 && python -m pip --python tools/bin/python install --no-deps --only-binary :all: --require-hashes -r build.txt \
 && python -m venv --without-pip /opt/querygen \
 && python -m pip --python /opt/querygen/bin/python install --no-compile --no-deps --only-binary :all: \
    --require-hashes -r pins.txt \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/querygen/lib

# Third-party plugins: a folder of the build context with wheels and with a requirements.txt, which names what comes from the
# index, each with a version and hashes; or one such file. What they need must be among them, or among the pins.
ARG PLUGINS=
COPY .ci/needed.py ${PLUGINS:-.ci/needed.py} third-party/
RUN python needed.py wheels third-party > third-party.txt \
 && mkdir -p /third-party/lib \
 && python -m pip --python /opt/querygen/bin/python install --no-compile --no-deps --only-binary :all: \
    --prefix /third-party --require-hashes --constraint pins.txt -r third-party.txt \
 && python -m compileall -q --invalidation-mode unchecked-hash -s /third-party -p /opt/querygen /third-party/lib

# What TLS connections trust: the system's authorities; those of Amazon RDS, if RDS_CA_SHA256 is set: the sha256sum of their
# file, which changes every few years; and those of CERTIFICATES, a folder of the build context with PEM files, or one file.
ARG RDS_CA_URL=https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
ARG RDS_CA_SHA256=
ARG CERTIFICATES=
COPY .ci/certificates.py ${CERTIFICATES:-.ci/certificates.py} certificates/
RUN python certificates/certificates.py /etc/ssl/certs/ca-certificates.crt certificates "${RDS_CA_URL}" "${RDS_CA_SHA256}" \
    > ca-certificates.crt

# Our own wheels, built and installed without a network, in a separate layer: only this one changes with our source.
ARG SOURCE_DATE_EPOCH
COPY pyproject.toml README.md LICENSE ./
COPY querygen_core querygen_core/
COPY prompts prompts/
COPY plugins plugins/
RUN for name in $(cat plugins.txt) ${EXTRAS}; do if [ -d "plugins/${name}" ]; then set -- "$@" "./plugins/${name}"; fi; done \
 && python -m pip --python tools/bin/python wheel --no-index --no-deps --no-build-isolation --wheel-dir wheels . "$@" \
 && python -m pip --python /opt/querygen/bin/python install --no-compile --prefix /own --no-index --no-deps wheels/*.whl \
 && PYTHONPATH="$(echo /own/lib/python*/site-packages):$(echo /third-party/lib/python*/site-packages)" PIP_QUIET=0 \
    python -m pip --python /opt/querygen/bin/python check \
 && python -m compileall -q --invalidation-mode unchecked-hash -s /own -p /opt/querygen /own/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title=querygen \
      org.opencontainers.image.description="Questions for every product of a catalogue, as a job" \
      org.opencontainers.image.source=https://github.com/querygen/querygen \
      org.opencontainers.image.licenses=Apache-2.0
ENV PATH=/opt/querygen/bin:${PATH} HOME=/tmp QUERYGEN_STATE_DIR=/var/lib/querygen \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# The user is added without useradd, which records the date and so makes the image irreproducible. It has a name because the
# embedded PostgreSQL needs one. The official image has no bytecode for the standard library, and a container with a
# read-only root could never write it.
RUN echo 'querygen:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'querygen:x:10001:' >> /etc/group \
 && python -m pip uninstall --quiet --yes --root-user-action ignore setuptools wheel pip \
 && python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash -x '/(ensurepip|idlelib|lib2to3|test|site-packages)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && mkdir /querygen /var/lib/querygen \
 && ln -s /var/lib/querygen /querygen/output \
 && chown 10001:10001 /var/lib/querygen
WORKDIR /querygen
COPY --from=build /build/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /opt/querygen /opt/querygen
COPY --from=build /third-party /opt/querygen
COPY prompts prompts/
COPY configs configs/
COPY --from=build /own /opt/querygen
USER 10001:10001
ARG CONFIG=configs/prod.yaml
RUN querygen check --config-only "${CONFIG}"

# The only folders that are written; the rest of the file system may be read-only.
VOLUME ["/var/lib/querygen", "/tmp"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["querygen"]
CMD ["--help"]
