# ngx_results_module: read by nginx's auto/make.  The status page's style and
# script become a C source, again where one of them changed.

ngx_results_page=$NGX_OBJS/ngx_http_results_page_data.c
ngx_results_page_deps=`echo $ngx_addon_dir/ngx_results_module/status/page/* \
                            $ngx_addon_dir/third_party/uplot/*`

cat << END                                                    >> $NGX_MAKEFILE

$ngx_results_page:	$ngx_results_page_deps
	sh $ngx_addon_dir/ngx_results_module/status/page/embed > \$@

END
