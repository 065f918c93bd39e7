module github.com/novasphere/wukong/e2e/devcluster/tools/pods

go 1.26.0
