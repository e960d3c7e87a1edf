# Prints "target  what it does" from the `## comments` of the Makefile.
/^##@ / { printf "\n%s\n", substr($0, 5) }
/^[a-z-]+:.*## / {
  comment = $0; sub(/^[^#]*## /, "", comment)
  target = $0; sub(/:.*/, "", target)
  printf "  make %-14s %s\n", target, comment
}
