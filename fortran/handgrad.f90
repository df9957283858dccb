!> handgrad for Fortran 2003: small neural networks with every derivative in the open, on the library for C (c/handgrad.h,
!> which says what each call does and which errors it raises).
!>
!> Rows are columns. Fortran stores the first index fastest, so that one row of a table is one column of an array:
!> x(n, rows) holds in x(:, r) the n numbers of row r. In memory that is what C and the library take, and an array that lies
!> without gaps is handed over as it is; of a section with gaps (x(1:5:2, :)) the compiler makes a copy. A Jacobian is
!> written as mathematics does, J(k, j) = d yhat_k / d x_j, so that matmul(J, dx) is the change of yhat; the library has it
!> the other way round, and jacobian_transposed(), JT(j, k), gives it without turning it.
!>
!> Every call takes `stat`, which is then handgrad_ok or another of the values below, and handgrad_error_message() says in
!> words what is wrong. Without `stat` a failure writes these words to the error unit and stops the program, as an allocate
!> statement without stat does.
!>
!> A handgrad_model or handgrad_network is a ticket: copies (a = b) name the same object. call a%free() ends it for all;
!> used afterwards, or freed twice, it gives handgrad_bad_handle.
module handgrad
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: error_unit
    implicit none
    private

    public :: handgrad_version, handgrad_error_message

    integer, parameter, public :: handgrad_ok = 0, handgrad_failed = 1, handgrad_usage = 2, handgrad_data = 3, &
        handgrad_model_file = 4, handgrad_diverged = 5, handgrad_io = 6, handgrad_memory = 7, handgrad_bad_handle = 8
    integer, parameter, public :: handgrad_as_stored = 0, handgrad_float = 1, handgrad_double = 2
    integer, parameter, public :: handgrad_regression = 0, handgrad_classification = 1, handgrad_multilabel = 2

    !> How an epoch of a training went.
    type, bind(c), public :: handgrad_epoch
        integer(c_size_t) :: epoch, epochs, best_epoch
        real(c_double) :: loss, validation_loss, learning_rate, seconds
    end type

    abstract interface
        !> Called after each epoch; .false. ends the training there.
        logical function handgrad_on_epoch(epoch)
            import :: handgrad_epoch
            type(handgrad_epoch), intent(in) :: epoch
        end function
    end interface
    public :: handgrad_on_epoch

    !> A model with its columns: raw rows in, values in the user's units out.
    type, public :: handgrad_model
        private
        type(c_ptr) :: handle = c_null_ptr
    contains
        procedure :: load => model_load
        procedure :: save => model_save
        procedure :: train => model_train
        procedure :: train_file => model_train_file
        procedure :: free => model_free
        procedure :: sizes => model_sizes
        procedure :: task => model_task
        procedure :: column => model_column
        procedure :: column_name => model_column_name
        procedure :: input_name => model_input_name
        procedure :: output_name => model_output_name
        procedure :: class_name => model_class_name
        procedure :: fact => model_fact
        procedure, private :: model_predict_row
        procedure, private :: model_predict_rows
        generic :: predict => model_predict_row, model_predict_rows
        procedure, private :: model_jacobian_row
        procedure, private :: model_jacobian_rows
        generic :: jacobian => model_jacobian_row, model_jacobian_rows
        procedure, private :: model_jacobian_transposed_row
        procedure, private :: model_jacobian_transposed_rows
        generic :: jacobian_transposed => model_jacobian_transposed_row, model_jacobian_transposed_rows
        procedure :: hessian => model_hessian_row
        procedure, private :: model_classify_row
        procedure, private :: model_classify_rows
        generic :: classify => model_classify_row, model_classify_rows
    end type

    !> The network alone, on numbers that are scaled already. Arguments are real(c_double) for a network of
    !> handgrad_double, and real(c_float) for one of handgrad_float.
    type, public :: handgrad_network
        private
        type(c_ptr) :: handle = c_null_ptr
    contains
        procedure :: load => network_load
        procedure :: of_model => network_of_model
        procedure :: create => network_create
        procedure :: free => network_free
        procedure :: sizes => network_sizes
        procedure :: parameters => network_parameters
        procedure, private :: network_predict_row
        procedure, private :: network_predict_rows
        procedure, private :: network_predict_row_f
        procedure, private :: network_predict_rows_f
        generic :: predict => network_predict_row, network_predict_rows, network_predict_row_f, network_predict_rows_f
        procedure, private :: network_jacobian_row
        procedure, private :: network_jacobian_row_f
        generic :: jacobian => network_jacobian_row, network_jacobian_row_f
        procedure, private :: network_jacobian_transposed_rows
        procedure, private :: network_jacobian_transposed_rows_f
        generic :: jacobian_transposed => network_jacobian_transposed_rows, network_jacobian_transposed_rows_f
        procedure, private :: network_hessian_row
        procedure, private :: network_hessian_row_f
        generic :: hessian => network_hessian_row, network_hessian_row_f
        procedure, private :: network_vector_jacobian_rows
        procedure, private :: network_vector_jacobian_rows_f
        generic :: vector_jacobian => network_vector_jacobian_rows, network_vector_jacobian_rows_f
        procedure, private :: network_jacobian_vector_rows
        procedure, private :: network_jacobian_vector_rows_f
        generic :: jacobian_vector => network_jacobian_vector_rows, network_jacobian_vector_rows_f
    end type

    !> What the library hands back to a listener, so that it finds the procedure.
    type :: listening
        procedure(handgrad_on_epoch), pointer, nopass :: on_epoch => null()
    end type
    type, bind(c) :: listener
        type(c_funptr) :: on_epoch
        type(c_funptr) :: on_notice
        type(c_ptr) :: user
    end type

    !> Of a failure that this module finds itself; empty when the last one was the library's.
    character(len=200), save :: own_message = ''
    !$omp threadprivate(own_message)

    interface
        function c_version() bind(c, name='handgrad_version') result(text)
            import :: c_ptr
            type(c_ptr) :: text
        end function
        function c_last_error() bind(c, name='handgrad_last_error') result(text)
            import :: c_ptr
            type(c_ptr) :: text
        end function
        function c_strlen(text) bind(c, name='strlen') result(length)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: text
            integer(c_size_t) :: length
        end function

        function c_model_load(path, model) bind(c, name='handgrad_model_load') result(status)
            import :: c_char, c_ptr, c_int
            character(kind=c_char), intent(in) :: path(*)
            type(c_ptr), intent(out) :: model
            integer(c_int) :: status
        end function
        function c_model_save(model, path) bind(c, name='handgrad_model_save') result(status)
            import :: c_char, c_ptr, c_int
            type(c_ptr), value :: model
            character(kind=c_char), intent(in) :: path(*)
            integer(c_int) :: status
        end function
        function c_model_free(model) bind(c, name='handgrad_model_free') result(status)
            import :: c_ptr, c_int
            type(c_ptr), value :: model
            integer(c_int) :: status
        end function
        function c_model_task(model, task) bind(c, name='handgrad_model_task') result(status)
            import :: c_ptr, c_int
            type(c_ptr), value :: model
            integer(c_int), intent(out) :: task
            integer(c_int) :: status
        end function
        function c_model_sizes(model, columns, inputs, outputs, classes) bind(c, name='handgrad_model_sizes') &
            result(status)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: model
            integer(c_size_t), intent(inout) :: columns, inputs, outputs, classes
            integer(c_int) :: status
        end function
        function c_model_column(model, name, index) bind(c, name='handgrad_model_column') result(status)
            import :: c_char, c_ptr, c_int, c_size_t
            type(c_ptr), value :: model
            character(kind=c_char), intent(in) :: name(*)
            integer(c_size_t), intent(inout) :: index
            integer(c_int) :: status
        end function
        function c_model_column_name(model, index, name) bind(c, name='handgrad_model_column_name') result(status)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: model
            integer(c_size_t), value :: index
            type(c_ptr), intent(out) :: name
            integer(c_int) :: status
        end function
        function c_model_input_name(model, index, name) bind(c, name='handgrad_model_input_name') result(status)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: model
            integer(c_size_t), value :: index
            type(c_ptr), intent(out) :: name
            integer(c_int) :: status
        end function
        function c_model_output_name(model, index, name) bind(c, name='handgrad_model_output_name') result(status)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: model
            integer(c_size_t), value :: index
            type(c_ptr), intent(out) :: name
            integer(c_int) :: status
        end function
        function c_model_class_name(model, index, name) bind(c, name='handgrad_model_class_name') result(status)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: model
            integer(c_size_t), value :: index
            type(c_ptr), intent(out) :: name
            integer(c_int) :: status
        end function
        function c_model_fact(model, key, text) bind(c, name='handgrad_model_fact') result(status)
            import :: c_char, c_ptr, c_int
            type(c_ptr), value :: model
            character(kind=c_char), intent(in) :: key(*)
            type(c_ptr), intent(out) :: text
            integer(c_int) :: status
        end function
        function c_model_predict(model, x, rows, columns, yhat, outputs) bind(c, name='handgrad_model_predict') &
            result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: model
            real(c_double), intent(in) :: x(*)
            integer(c_size_t), value :: rows, columns, outputs
            real(c_double), intent(inout) :: yhat(*)
            integer(c_int) :: status
        end function
        function c_model_classify(model, x, rows, columns, chosen, probabilities, classes) &
            bind(c, name='handgrad_model_classify') result(status)
            import :: c_ptr, c_int, c_size_t, c_double, c_int32_t
            type(c_ptr), value :: model
            real(c_double), intent(in) :: x(*)
            integer(c_size_t), value :: rows, columns, classes
            integer(c_int32_t), intent(inout) :: chosen(*)
            type(c_ptr), value :: probabilities
            integer(c_int) :: status
        end function
        function c_model_jacobian(model, x, rows, columns, yhat, outputs, J, inputs) &
            bind(c, name='handgrad_model_jacobian') result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: model
            real(c_double), intent(in) :: x(*)
            integer(c_size_t), value :: rows, columns, outputs, inputs
            real(c_double), intent(inout) :: yhat(*), J(*)
            integer(c_int) :: status
        end function

        function c_model_hessian(model, x, rows, columns, yhat, outputs, H, inputs) &
            bind(c, name='handgrad_model_hessian') result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: model
            real(c_double), intent(in) :: x(*)
            integer(c_size_t), value :: rows, columns, outputs, inputs
            real(c_double), intent(inout) :: yhat(*), H(*)
            integer(c_int) :: status
        end function
        function c_network_hessian(network, x, rows, inputs, yhat, outputs, H) &
            bind(c, name='handgrad_network_hessian') result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: network
            real(c_double), intent(in) :: x(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_double), intent(inout) :: yhat(*), H(*)
            integer(c_int) :: status
        end function
        function c_network_hessian_f(network, x, rows, inputs, yhat, outputs, H) &
            bind(c, name='handgrad_network_hessian_f') result(status)
            import :: c_ptr, c_int, c_size_t, c_float
            type(c_ptr), value :: network
            real(c_float), intent(in) :: x(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_float), intent(inout) :: yhat(*), H(*)
            integer(c_int) :: status
        end function

        function c_network_load(path, precision, threads, network) bind(c, name='handgrad_network_load') result(status)
            import :: c_char, c_ptr, c_int, c_size_t
            character(kind=c_char), intent(in) :: path(*)
            integer(c_int), value :: precision
            integer(c_size_t), value :: threads
            type(c_ptr), intent(out) :: network
            integer(c_int) :: status
        end function
        function c_network_of_model(model, precision, threads, network) bind(c, name='handgrad_network_of_model') &
            result(status)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: model
            integer(c_int), value :: precision
            integer(c_size_t), value :: threads
            type(c_ptr), intent(out) :: network
            integer(c_int) :: status
        end function
        function c_network_create(sizes, count, hidden, output, parameters, parameter_count, precision, threads, &
            network) bind(c, name='handgrad_network_create') result(status)
            import :: c_char, c_ptr, c_int, c_size_t, c_double
            integer(c_size_t), intent(in) :: sizes(*)
            integer(c_size_t), value :: count, parameter_count, threads
            character(kind=c_char), intent(in) :: hidden(*), output(*)
            real(c_double), intent(in) :: parameters(*)
            integer(c_int), value :: precision
            type(c_ptr), intent(out) :: network
            integer(c_int) :: status
        end function
        function c_network_free(network) bind(c, name='handgrad_network_free') result(status)
            import :: c_ptr, c_int
            type(c_ptr), value :: network
            integer(c_int) :: status
        end function
        function c_network_sizes(network, inputs, outputs, parameters) bind(c, name='handgrad_network_sizes') &
            result(status)
            import :: c_ptr, c_int, c_size_t
            type(c_ptr), value :: network
            integer(c_size_t), intent(inout) :: inputs, outputs, parameters
            integer(c_int) :: status
        end function
        function c_network_parameters(network, parameters, count) bind(c, name='handgrad_network_parameters') &
            result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: network
            real(c_double), intent(inout) :: parameters(*)
            integer(c_size_t), value :: count
            integer(c_int) :: status
        end function
        function c_network_predict(network, x, rows, inputs, yhat, outputs) bind(c, name='handgrad_network_predict') &
            result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: network
            real(c_double), intent(in) :: x(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_double), intent(inout) :: yhat(*)
            integer(c_int) :: status
        end function
        function c_network_predict_f(network, x, rows, inputs, yhat, outputs) &
            bind(c, name='handgrad_network_predict_f') result(status)
            import :: c_ptr, c_int, c_size_t, c_float
            type(c_ptr), value :: network
            real(c_float), intent(in) :: x(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_float), intent(inout) :: yhat(*)
            integer(c_int) :: status
        end function
        function c_network_jacobian(network, x, rows, inputs, yhat, outputs, J) &
            bind(c, name='handgrad_network_jacobian') result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: network
            real(c_double), intent(in) :: x(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_double), intent(inout) :: yhat(*), J(*)
            integer(c_int) :: status
        end function
        function c_network_jacobian_f(network, x, rows, inputs, yhat, outputs, J) &
            bind(c, name='handgrad_network_jacobian_f') result(status)
            import :: c_ptr, c_int, c_size_t, c_float
            type(c_ptr), value :: network
            real(c_float), intent(in) :: x(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_float), intent(inout) :: yhat(*), J(*)
            integer(c_int) :: status
        end function
        function c_network_vector_jacobian(network, x, v, rows, inputs, yhat, outputs, v_J) &
            bind(c, name='handgrad_network_vector_jacobian') result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: network
            real(c_double), intent(in) :: x(*), v(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_double), intent(inout) :: yhat(*), v_J(*)
            integer(c_int) :: status
        end function
        function c_network_vector_jacobian_f(network, x, v, rows, inputs, yhat, outputs, v_J) &
            bind(c, name='handgrad_network_vector_jacobian_f') result(status)
            import :: c_ptr, c_int, c_size_t, c_float
            type(c_ptr), value :: network
            real(c_float), intent(in) :: x(*), v(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_float), intent(inout) :: yhat(*), v_J(*)
            integer(c_int) :: status
        end function
        function c_network_jacobian_vector(network, x, u, rows, inputs, yhat, outputs, J_u) &
            bind(c, name='handgrad_network_jacobian_vector') result(status)
            import :: c_ptr, c_int, c_size_t, c_double
            type(c_ptr), value :: network
            real(c_double), intent(in) :: x(*), u(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_double), intent(inout) :: yhat(*), J_u(*)
            integer(c_int) :: status
        end function
        function c_network_jacobian_vector_f(network, x, u, rows, inputs, yhat, outputs, J_u) &
            bind(c, name='handgrad_network_jacobian_vector_f') result(status)
            import :: c_ptr, c_int, c_size_t, c_float
            type(c_ptr), value :: network
            real(c_float), intent(in) :: x(*), u(*)
            integer(c_size_t), value :: rows, inputs, outputs
            real(c_float), intent(inout) :: yhat(*), J_u(*)
            integer(c_int) :: status
        end function

        function c_train(x, rows, inputs, y, outputs, settings, threads, listener_, model) &
            bind(c, name='handgrad_train') result(status)
            import :: c_char, c_ptr, c_int, c_size_t, c_double, listener
            real(c_double), intent(in) :: x(*), y(*)
            integer(c_size_t), value :: rows, inputs, outputs, threads
            character(kind=c_char), intent(in) :: settings(*)
            type(listener), intent(in) :: listener_
            type(c_ptr), intent(out) :: model
            integer(c_int) :: status
        end function
        function c_train_file(path, settings, threads, listener_, model) bind(c, name='handgrad_train_file') &
            result(status)
            import :: c_char, c_ptr, c_int, c_size_t, listener
            character(kind=c_char), intent(in) :: path(*), settings(*)
            integer(c_size_t), value :: threads
            type(listener), intent(in) :: listener_
            type(c_ptr), intent(out) :: model
            integer(c_int) :: status
        end function
    end interface

contains

    ! --- Texts and failures -------------------------------------------------------------------------------------------

    !> The version of the library, '0.1.0'.
    function handgrad_version() result(text)
        character(len=:), allocatable :: text
        text = text_at(c_version())
    end function

    !> What was wrong with the last call in this thread that failed.
    function handgrad_error_message() result(text)
        character(len=:), allocatable :: text
        if (len_trim(own_message) > 0) then
            text = trim(own_message)
        else
            text = text_at(c_last_error())
        end if
    end function

    function text_at(address) result(text)
        type(c_ptr), intent(in) :: address
        character(len=:), allocatable :: text
        character(kind=c_char), pointer :: letters(:)
        integer :: i, length
        length = 0
        if (c_associated(address)) length = int(c_strlen(address))
        allocate (character(len=length) :: text)
        if (length == 0) return
        call c_f_pointer(address, letters, [length])
        do i = 1, length
            text(i:i) = letters(i)
        end do
    end function

    !> Hands the status over, or stops where nobody asks for it.
    subroutine settle(status, stat)
        integer(c_int), intent(in) :: status
        integer, optional, intent(out) :: stat
        if (status /= handgrad_ok) own_message = ''
        if (present(stat)) then
            stat = int(status)
        else if (status /= handgrad_ok) then
            write (error_unit, '(a)') handgrad_error_message()
            stop 1
        end if
    end subroutine

    !> Two extents that must be alike, of arrays of the caller. True when they are; else `stat` says so, or it stops.
    logical function alike(call, extent, has, needed, stat)
        character(len=*), intent(in) :: call, extent
        integer, intent(in) :: has, needed
        integer, optional, intent(out) :: stat
        alike = has == needed
        if (alike) return
        write (own_message, '(4a,i0,a,i0)') call, ': the ', extent, ' of the arrays differ: one has ', has, &
            ', another ', needed
        if (present(stat)) then
            stat = handgrad_usage
        else
            write (error_unit, '(a)') trim(own_message)
            stop 1
        end if
    end function

    integer(c_size_t) function long(number)
        integer, intent(in) :: number
        long = int(number, c_size_t)
    end function

    integer(c_size_t) function threads_of(threads)
        integer, optional, intent(in) :: threads
        threads_of = 0
        if (present(threads)) threads_of = int(threads, c_size_t)
    end function

    integer(c_int) function precision_of(precision)
        integer, optional, intent(in) :: precision
        precision_of = handgrad_as_stored
        if (present(precision)) precision_of = int(precision, c_int)
    end function

    ! --- Models -------------------------------------------------------------------------------------------------------

    !> Reads a model file.
    subroutine model_load(self, path, stat)
        class(handgrad_model), intent(inout) :: self
        character(len=*), intent(in) :: path
        integer, optional, intent(out) :: stat
        call settle(c_model_load(trim(path)//c_null_char, self%handle), stat)
    end subroutine

    !> Writes one, whole or not at all.
    subroutine model_save(self, path, stat)
        class(handgrad_model), intent(in) :: self
        character(len=*), intent(in) :: path
        integer, optional, intent(out) :: stat
        call settle(c_model_save(self%handle, trim(path)//c_null_char), stat)
    end subroutine

    !> The object is gone, for all copies of self.
    subroutine model_free(self, stat)
        class(handgrad_model), intent(in) :: self
        integer, optional, intent(out) :: stat
        call settle(c_model_free(self%handle), stat)
    end subroutine

    !> Cells of a row, what a Jacobian is by, values that come out, classes.
    subroutine model_sizes(self, columns, inputs, outputs, classes, stat)
        class(handgrad_model), intent(in) :: self
        integer, optional, intent(out) :: columns, inputs, outputs, classes, stat
        integer(c_size_t) :: n(4)
        n = 0
        call settle(c_model_sizes(self%handle, n(1), n(2), n(3), n(4)), stat)
        if (present(columns)) columns = int(n(1))
        if (present(inputs)) inputs = int(n(2))
        if (present(outputs)) outputs = int(n(3))
        if (present(classes)) classes = int(n(4))
    end subroutine

    !> handgrad_regression, handgrad_classification or handgrad_multilabel.
    subroutine model_task(self, task, stat)
        class(handgrad_model), intent(in) :: self
        integer, intent(out) :: task
        integer, optional, intent(out) :: stat
        integer(c_int) :: found
        found = -1
        call settle(c_model_task(self%handle, found), stat)
        task = int(found)
    end subroutine

    !> The place of a column, from 1; 0 when there is none.
    subroutine model_column(self, name, index, stat)
        class(handgrad_model), intent(in) :: self
        character(len=*), intent(in) :: name
        integer, intent(out) :: index
        integer, optional, intent(out) :: stat
        integer(c_size_t) :: found
        integer(c_int) :: status
        found = 0
        status = c_model_column(self%handle, trim(name)//c_null_char, found)
        index = 0
        if (status == handgrad_ok) index = int(found) + 1
        call settle(status, stat)
    end subroutine

    !> Names by their place, from 1.
    subroutine model_column_name(self, index, name, stat)
        class(handgrad_model), intent(in) :: self
        integer, intent(in) :: index
        character(len=:), allocatable, intent(out) :: name
        integer, optional, intent(out) :: stat
        type(c_ptr) :: text
        call settle(c_model_column_name(self%handle, long(index) - 1, text), stat)
        name = text_at(text)
    end subroutine

    subroutine model_input_name(self, index, name, stat)
        class(handgrad_model), intent(in) :: self
        integer, intent(in) :: index
        character(len=:), allocatable, intent(out) :: name
        integer, optional, intent(out) :: stat
        type(c_ptr) :: text
        call settle(c_model_input_name(self%handle, long(index) - 1, text), stat)
        name = text_at(text)
    end subroutine

    subroutine model_output_name(self, index, name, stat)
        class(handgrad_model), intent(in) :: self
        integer, intent(in) :: index
        character(len=:), allocatable, intent(out) :: name
        integer, optional, intent(out) :: stat
        type(c_ptr) :: text
        call settle(c_model_output_name(self%handle, long(index) - 1, text), stat)
        name = text_at(text)
    end subroutine

    subroutine model_class_name(self, index, name, stat)
        class(handgrad_model), intent(in) :: self
        integer, intent(in) :: index
        character(len=:), allocatable, intent(out) :: name
        integer, optional, intent(out) :: stat
        type(c_ptr) :: text
        call settle(c_model_class_name(self%handle, long(index) - 1, text), stat)
        name = text_at(text)
    end subroutine

    !> What the file says of its origin: 'metric.test.r2', 'epochs.run' ….
    subroutine model_fact(self, key, text, stat)
        class(handgrad_model), intent(in) :: self
        character(len=*), intent(in) :: key
        character(len=:), allocatable, intent(out) :: text
        integer, optional, intent(out) :: stat
        type(c_ptr) :: found
        call settle(c_model_fact(self%handle, trim(key)//c_null_char, found), stat)
        text = text_at(found)
    end subroutine

    !> yhat(outputs) of one row x(columns), both in the units of the table.
    subroutine model_predict_row(self, x, yhat, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:)
        real(c_double), intent(inout) :: yhat(:)
        integer, optional, intent(out) :: stat
        call settle(c_model_predict(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat))), stat)
    end subroutine

    !> yhat(outputs, rows) of x(columns, rows).
    subroutine model_predict_rows(self, x, yhat, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:, :)
        real(c_double), intent(inout) :: yhat(:, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('predict', 'rows', size(yhat, 2), size(x, 2), stat)) return
        call settle(c_model_predict(self%handle, x, long(size(x, 2)), long(size(x, 1)), yhat, long(size(yhat, 1))), stat)
    end subroutine

    !> yhat(outputs) and J(outputs, inputs), J(k, j) = d yhat_k / d x_j.
    subroutine model_jacobian_row(self, x, yhat, J, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:)
        real(c_double), intent(inout) :: yhat(:), J(:, :)
        integer, optional, intent(out) :: stat
        real(c_double) :: turned(size(J, 2), size(J, 1))
        if (.not. alike('jacobian', 'outputs', size(J, 1), size(yhat), stat)) return
        call settle(c_model_jacobian(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat)), turned, &
            long(size(J, 2))), stat)
        J = transpose(turned)
    end subroutine

    !> yhat(outputs, rows) and J(outputs, inputs, rows).
    subroutine model_jacobian_rows(self, x, yhat, J, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:, :)
        real(c_double), intent(inout) :: yhat(:, :), J(:, :, :)
        integer, optional, intent(out) :: stat
        integer :: row, status
        if (.not. alike('jacobian', 'rows', size(yhat, 2), size(x, 2), stat)) return
        if (.not. alike('jacobian', 'rows', size(J, 3), size(x, 2), stat)) return
        if (present(stat)) stat = handgrad_ok
        do row = 1, size(x, 2)
            if (present(stat)) then
                call model_jacobian_row(self, x(:, row), yhat(:, row), J(:, :, row), status)
                stat = status
                if (status /= handgrad_ok) return
            else
                call model_jacobian_row(self, x(:, row), yhat(:, row), J(:, :, row))
            end if
        end do
    end subroutine

    !> yhat(outputs) and JT(inputs, outputs), JT(j, k) = d yhat_k / d x_j: as it lies in memory, without a copy.
    subroutine model_jacobian_transposed_row(self, x, yhat, JT, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:)
        real(c_double), intent(inout) :: yhat(:), JT(:, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('jacobian_transposed', 'outputs', size(JT, 2), size(yhat), stat)) return
        call settle(c_model_jacobian(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat)), JT, &
            long(size(JT, 1))), stat)
    end subroutine

    !> yhat(outputs, rows) and JT(inputs, outputs, rows).
    subroutine model_jacobian_transposed_rows(self, x, yhat, JT, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:, :)
        real(c_double), intent(inout) :: yhat(:, :), JT(:, :, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('jacobian_transposed', 'rows', size(yhat, 2), size(x, 2), stat)) return
        if (.not. alike('jacobian_transposed', 'rows', size(JT, 3), size(x, 2), stat)) return
        if (.not. alike('jacobian_transposed', 'outputs', size(JT, 2), size(yhat, 1), stat)) return
        call settle(c_model_jacobian(self%handle, x, long(size(x, 2)), long(size(x, 1)), yhat, long(size(yhat, 1)), JT, &
            long(size(JT, 1))), stat)
    end subroutine

    !> yhat(outputs) and of each output the symmetric matrix of its second derivatives, H(inputs, inputs, outputs).
    subroutine model_hessian_row(self, x, yhat, H, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:)
        real(c_double), intent(inout) :: yhat(:), H(:, :, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('hessian', 'inputs', size(H, 1), size(H, 2), stat)) return
        if (.not. alike('hessian', 'outputs', size(H, 3), size(yhat), stat)) return
        call settle(c_model_hessian(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat)), H, &
            long(size(H, 1))), stat)
    end subroutine

    !> The class of one row, from 1, and if wanted how sure the model is of each class.
    subroutine model_classify_row(self, x, chosen, probabilities, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:)
        integer, intent(out) :: chosen
        real(c_double), optional, intent(inout) :: probabilities(:)
        integer, optional, intent(out) :: stat
        real(c_double), allocatable, target :: shares(:)
        integer(c_int32_t) :: index(1)
        type(c_ptr) :: wanted
        integer :: classes
        classes = classes_of(self)
        wanted = c_null_ptr
        if (present(probabilities)) then
            if (.not. alike('classify', 'classes', size(probabilities), classes, stat)) return
            allocate (shares(max(classes, 1)))
            wanted = c_loc(shares)
        end if
        index = -1
        call settle(c_model_classify(self%handle, x, 1_c_size_t, long(size(x)), index, wanted, long(classes)), stat)
        chosen = int(index(1)) + 1
        if (present(probabilities)) probabilities = shares(1:classes)
    end subroutine

    !> The classes of x(columns, rows), and if wanted probabilities(classes, rows).
    subroutine model_classify_rows(self, x, chosen, probabilities, stat)
        class(handgrad_model), intent(in) :: self
        real(c_double), intent(in) :: x(:, :)
        integer, intent(inout) :: chosen(:)
        real(c_double), optional, intent(inout) :: probabilities(:, :)
        integer, optional, intent(out) :: stat
        integer :: row, status
        if (.not. alike('classify', 'rows', size(chosen), size(x, 2), stat)) return
        if (present(probabilities)) then
            if (.not. alike('classify', 'rows', size(probabilities, 2), size(x, 2), stat)) return
        end if
        if (present(stat)) stat = handgrad_ok
        do row = 1, size(x, 2)
            if (present(probabilities)) then
                call model_classify_row(self, x(:, row), chosen(row), probabilities(:, row), status)
            else
                call model_classify_row(self, x(:, row), chosen(row), stat=status)
            end if
            call settle(int(status, c_int), stat)
            if (status /= handgrad_ok) return
        end do
    end subroutine

    !> 0 for what is no classifier, and no model.
    integer function classes_of(self)
        class(handgrad_model), intent(in) :: self
        integer :: status
        classes_of = 0
        call model_sizes(self, classes=classes_of, stat=status)
    end function

    !> Learns y(outputs, rows) from x(inputs, rows), with the settings of the program: 'hidden=32,16 epochs=100'.
    subroutine model_train(self, x, y, settings, on_epoch, threads, stat)
        class(handgrad_model), intent(inout) :: self
        real(c_double), intent(in) :: x(:, :), y(:, :)
        character(len=*), intent(in) :: settings
        procedure(handgrad_on_epoch), optional :: on_epoch
        integer, optional, intent(in) :: threads
        integer, optional, intent(out) :: stat
        type(listening), target :: who
        if (.not. alike('train', 'rows', size(y, 2), size(x, 2), stat)) return
        if (present(on_epoch)) who%on_epoch => on_epoch
        call settle(c_train(x, long(size(x, 2)), long(size(x, 1)), y, long(size(y, 1)), trim(settings)//c_null_char, &
            threads_of(threads), listener_to(who), self%handle), stat)
    end subroutine

    !> The same from a file with a table; settings name the target: 'target=price epochs=100'.
    subroutine model_train_file(self, path, settings, on_epoch, threads, stat)
        class(handgrad_model), intent(inout) :: self
        character(len=*), intent(in) :: path, settings
        procedure(handgrad_on_epoch), optional :: on_epoch
        integer, optional, intent(in) :: threads
        integer, optional, intent(out) :: stat
        type(listening), target :: who
        if (present(on_epoch)) who%on_epoch => on_epoch
        call settle(c_train_file(trim(path)//c_null_char, trim(settings)//c_null_char, threads_of(threads), &
            listener_to(who), self%handle), stat)
    end subroutine

    function listener_to(who) result(made)
        type(listening), target, intent(in) :: who
        type(listener) :: made
        made%on_epoch = c_null_funptr
        made%on_notice = c_null_funptr
        made%user = c_null_ptr
        if (associated(who%on_epoch)) then
            made%on_epoch = c_funloc(pass_epoch_on)
            made%user = c_loc(who)
        end if
    end function

    !> What the library calls; not 0 ends the training.
    integer(c_int) function pass_epoch_on(epoch, user) bind(c)
        type(handgrad_epoch), intent(in) :: epoch
        type(c_ptr), value :: user
        type(listening), pointer :: who
        call c_f_pointer(user, who)
        pass_epoch_on = 1
        if (who%on_epoch(epoch)) pass_epoch_on = 0
    end function

    ! --- Networks -----------------------------------------------------------------------------------------------------

    !> The network of a model file; by as many threads as may be unless said otherwise.
    subroutine network_load(self, path, precision, threads, stat)
        class(handgrad_network), intent(inout) :: self
        character(len=*), intent(in) :: path
        integer, optional, intent(in) :: precision, threads
        integer, optional, intent(out) :: stat
        call settle(c_network_load(trim(path)//c_null_char, precision_of(precision), threads_of(threads), self%handle), &
            stat)
    end subroutine

    subroutine network_of_model(self, model, precision, threads, stat)
        class(handgrad_network), intent(inout) :: self
        type(handgrad_model), intent(in) :: model
        integer, optional, intent(in) :: precision, threads
        integer, optional, intent(out) :: stat
        call settle(c_network_of_model(model%handle, precision_of(precision), threads_of(threads), self%handle), stat)
    end subroutine

    !> From plain numbers: sizes are inputs, widths, outputs; parameters W1 row by row (that is W1 transposed, in Fortran's
    !> order), b1, W2 ….
    subroutine network_create(self, sizes, hidden, output, parameters, precision, threads, stat)
        class(handgrad_network), intent(inout) :: self
        integer, intent(in) :: sizes(:)
        character(len=*), intent(in) :: hidden, output
        real(c_double), intent(in) :: parameters(:)
        integer, optional, intent(in) :: precision, threads
        integer, optional, intent(out) :: stat
        call settle(c_network_create(int(sizes, c_size_t), long(size(sizes)), trim(hidden)//c_null_char, &
            trim(output)//c_null_char, parameters, long(size(parameters)), precision_of(precision), threads_of(threads), &
            self%handle), stat)
    end subroutine

    subroutine network_free(self, stat)
        class(handgrad_network), intent(in) :: self
        integer, optional, intent(out) :: stat
        call settle(c_network_free(self%handle), stat)
    end subroutine

    subroutine network_sizes(self, inputs, outputs, parameters, stat)
        class(handgrad_network), intent(in) :: self
        integer, optional, intent(out) :: inputs, outputs, parameters, stat
        integer(c_size_t) :: n(3)
        n = 0
        call settle(c_network_sizes(self%handle, n(1), n(2), n(3)), stat)
        if (present(inputs)) inputs = int(n(1))
        if (present(outputs)) outputs = int(n(2))
        if (present(parameters)) parameters = int(n(3))
    end subroutine

    subroutine network_parameters(self, parameters, stat)
        class(handgrad_network), intent(in) :: self
        real(c_double), intent(inout) :: parameters(:)
        integer, optional, intent(out) :: stat
        call settle(c_network_parameters(self%handle, parameters, long(size(parameters))), stat)
    end subroutine

    !> yhat(outputs) of one row x(inputs).
    subroutine network_predict_row(self, x, yhat, stat)
        class(handgrad_network), intent(in) :: self
        real(c_double), intent(in) :: x(:)
        real(c_double), intent(inout) :: yhat(:)
        integer, optional, intent(out) :: stat
        call settle(c_network_predict(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat))), stat)
    end subroutine

    !> yhat(outputs, rows) of x(inputs, rows).
    subroutine network_predict_rows(self, x, yhat, stat)
        class(handgrad_network), intent(in) :: self
        real(c_double), intent(in) :: x(:, :)
        real(c_double), intent(inout) :: yhat(:, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('predict', 'rows', size(yhat, 2), size(x, 2), stat)) return
        call settle(c_network_predict(self%handle, x, long(size(x, 2)), long(size(x, 1)), yhat, long(size(yhat, 1))), &
            stat)
    end subroutine

    !> yhat(outputs) and J(outputs, inputs) of one row.
    subroutine network_jacobian_row(self, x, yhat, J, stat)
        class(handgrad_network), intent(in) :: self
        real(c_double), intent(in) :: x(:)
        real(c_double), intent(inout) :: yhat(:), J(:, :)
        integer, optional, intent(out) :: stat
        real(c_double) :: turned(size(J, 2), size(J, 1))
        if (.not. alike('jacobian', 'outputs', size(J, 1), size(yhat), stat)) return
        if (.not. alike('jacobian', 'inputs', size(J, 2), size(x), stat)) return
        call settle(c_network_jacobian(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat)), turned), stat)
        J = transpose(turned)
    end subroutine

    !> yhat(outputs, rows) and JT(inputs, outputs, rows): as it lies in memory, many rows at once.
    subroutine network_jacobian_transposed_rows(self, x, yhat, JT, stat)
        class(handgrad_network), intent(in) :: self
        real(c_double), intent(in) :: x(:, :)
        real(c_double), intent(inout) :: yhat(:, :), JT(:, :, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('jacobian_transposed', 'rows', size(yhat, 2), size(x, 2), stat)) return
        if (.not. alike('jacobian_transposed', 'rows', size(JT, 3), size(x, 2), stat)) return
        if (.not. alike('jacobian_transposed', 'outputs', size(JT, 2), size(yhat, 1), stat)) return
        if (.not. alike('jacobian_transposed', 'inputs', size(JT, 1), size(x, 1), stat)) return
        call settle(c_network_jacobian(self%handle, x, long(size(x, 2)), long(size(x, 1)), yhat, long(size(yhat, 1)), &
            JT), stat)
    end subroutine

    !> yhat(outputs, rows) and v_J(inputs, rows), the gradient by x of what has the gradient v(outputs, rows) by yhat.
    subroutine network_vector_jacobian_rows(self, x, v, yhat, v_J, stat)
        class(handgrad_network), intent(in) :: self
        real(c_double), intent(in) :: x(:, :), v(:, :)
        real(c_double), intent(inout) :: yhat(:, :), v_J(:, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('vector_jacobian', 'sizes', size(v), size(yhat), stat)) return
        if (.not. alike('vector_jacobian', 'sizes', size(v_J), size(x), stat)) return
        if (.not. alike('vector_jacobian', 'rows', size(yhat, 2), size(x, 2), stat)) return
        call settle(c_network_vector_jacobian(self%handle, x, v, long(size(x, 2)), long(size(x, 1)), yhat, &
            long(size(yhat, 1)), v_J), stat)
    end subroutine

    !> yhat(outputs, rows) and J_u(outputs, rows), the change of yhat along u(inputs, rows).
    subroutine network_jacobian_vector_rows(self, x, u, yhat, J_u, stat)
        class(handgrad_network), intent(in) :: self
        real(c_double), intent(in) :: x(:, :), u(:, :)
        real(c_double), intent(inout) :: yhat(:, :), J_u(:, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('jacobian_vector', 'sizes', size(u), size(x), stat)) return
        if (.not. alike('jacobian_vector', 'sizes', size(J_u), size(yhat), stat)) return
        if (.not. alike('jacobian_vector', 'rows', size(yhat, 2), size(x, 2), stat)) return
        call settle(c_network_jacobian_vector(self%handle, x, u, long(size(x, 2)), long(size(x, 1)), yhat, &
            long(size(yhat, 1)), J_u), stat)
    end subroutine

    !> yhat(outputs) and H(inputs, inputs, outputs) of one row.
    subroutine network_hessian_row(self, x, yhat, H, stat)
        class(handgrad_network), intent(in) :: self
        real(c_double), intent(in) :: x(:)
        real(c_double), intent(inout) :: yhat(:), H(:, :, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('hessian', 'inputs', size(H, 1), size(x), stat)) return
        if (.not. alike('hessian', 'inputs', size(H, 2), size(x), stat)) return
        if (.not. alike('hessian', 'outputs', size(H, 3), size(yhat), stat)) return
        call settle(c_network_hessian(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat)), H), stat)
    end subroutine

    ! The same in float.

    subroutine network_hessian_row_f(self, x, yhat, H, stat)
        class(handgrad_network), intent(in) :: self
        real(c_float), intent(in) :: x(:)
        real(c_float), intent(inout) :: yhat(:), H(:, :, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('hessian', 'inputs', size(H, 1), size(x), stat)) return
        if (.not. alike('hessian', 'inputs', size(H, 2), size(x), stat)) return
        if (.not. alike('hessian', 'outputs', size(H, 3), size(yhat), stat)) return
        call settle(c_network_hessian_f(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat)), H), stat)
    end subroutine

    subroutine network_predict_row_f(self, x, yhat, stat)
        class(handgrad_network), intent(in) :: self
        real(c_float), intent(in) :: x(:)
        real(c_float), intent(inout) :: yhat(:)
        integer, optional, intent(out) :: stat
        call settle(c_network_predict_f(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat))), stat)
    end subroutine

    subroutine network_predict_rows_f(self, x, yhat, stat)
        class(handgrad_network), intent(in) :: self
        real(c_float), intent(in) :: x(:, :)
        real(c_float), intent(inout) :: yhat(:, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('predict', 'rows', size(yhat, 2), size(x, 2), stat)) return
        call settle(c_network_predict_f(self%handle, x, long(size(x, 2)), long(size(x, 1)), yhat, long(size(yhat, 1))), &
            stat)
    end subroutine

    subroutine network_jacobian_row_f(self, x, yhat, J, stat)
        class(handgrad_network), intent(in) :: self
        real(c_float), intent(in) :: x(:)
        real(c_float), intent(inout) :: yhat(:), J(:, :)
        integer, optional, intent(out) :: stat
        real(c_float) :: turned(size(J, 2), size(J, 1))
        if (.not. alike('jacobian', 'outputs', size(J, 1), size(yhat), stat)) return
        if (.not. alike('jacobian', 'inputs', size(J, 2), size(x), stat)) return
        call settle(c_network_jacobian_f(self%handle, x, 1_c_size_t, long(size(x)), yhat, long(size(yhat)), turned), stat)
        J = transpose(turned)
    end subroutine

    subroutine network_jacobian_transposed_rows_f(self, x, yhat, JT, stat)
        class(handgrad_network), intent(in) :: self
        real(c_float), intent(in) :: x(:, :)
        real(c_float), intent(inout) :: yhat(:, :), JT(:, :, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('jacobian_transposed', 'rows', size(yhat, 2), size(x, 2), stat)) return
        if (.not. alike('jacobian_transposed', 'rows', size(JT, 3), size(x, 2), stat)) return
        if (.not. alike('jacobian_transposed', 'outputs', size(JT, 2), size(yhat, 1), stat)) return
        if (.not. alike('jacobian_transposed', 'inputs', size(JT, 1), size(x, 1), stat)) return
        call settle(c_network_jacobian_f(self%handle, x, long(size(x, 2)), long(size(x, 1)), yhat, long(size(yhat, 1)), &
            JT), stat)
    end subroutine

    subroutine network_vector_jacobian_rows_f(self, x, v, yhat, v_J, stat)
        class(handgrad_network), intent(in) :: self
        real(c_float), intent(in) :: x(:, :), v(:, :)
        real(c_float), intent(inout) :: yhat(:, :), v_J(:, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('vector_jacobian', 'sizes', size(v), size(yhat), stat)) return
        if (.not. alike('vector_jacobian', 'sizes', size(v_J), size(x), stat)) return
        if (.not. alike('vector_jacobian', 'rows', size(yhat, 2), size(x, 2), stat)) return
        call settle(c_network_vector_jacobian_f(self%handle, x, v, long(size(x, 2)), long(size(x, 1)), yhat, &
            long(size(yhat, 1)), v_J), stat)
    end subroutine

    subroutine network_jacobian_vector_rows_f(self, x, u, yhat, J_u, stat)
        class(handgrad_network), intent(in) :: self
        real(c_float), intent(in) :: x(:, :), u(:, :)
        real(c_float), intent(inout) :: yhat(:, :), J_u(:, :)
        integer, optional, intent(out) :: stat
        if (.not. alike('jacobian_vector', 'sizes', size(u), size(x), stat)) return
        if (.not. alike('jacobian_vector', 'sizes', size(J_u), size(yhat), stat)) return
        if (.not. alike('jacobian_vector', 'rows', size(yhat, 2), size(x, 2), stat)) return
        call settle(c_network_jacobian_vector_f(self%handle, x, u, long(size(x, 2)), long(size(x, 1)), yhat, &
            long(size(yhat, 1)), J_u), stat)
    end subroutine
end module
