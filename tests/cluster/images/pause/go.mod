module headway.example/cluster/pause

go 1.26.0
