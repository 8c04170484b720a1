# The controller's image: one static binary and nothing else, no shell, no package, no CA certificates (the service account brings the cluster's own).
# `make image` builds it, `make image-check` shows without docker that the binary needs no more than this.
FROM rust:1.95.0-trixie AS build
# The toolchain that is there already, whatever rust-toolchain.toml calls it.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /landlord
COPY . .
RUN make image-binary

FROM scratch
COPY --from=build /landlord/target/image/landlord /landlord
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/landlord"]
CMD ["controller"]
